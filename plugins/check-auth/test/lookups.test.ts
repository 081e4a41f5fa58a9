import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Resolver } from '@posthouse/core';
import { fakeClock, fakeResolver } from '@posthouse/core/testing';
import { Lookups } from '../src/lookups.ts';

const resolver = fakeResolver({
  'a.example': { a: ['192.0.2.1'], aaaa: ['2001:db8::1'], mx: ['mx.a.example'], txt: ['one', 'two'] },
  'mx-only.example': { mx: ['mx.a.example'] },
  'dead.example': 'unavailable',
  '192.0.2.9': { ptr: ['client.example'] },
});
const budget = { time: 5000, lookups: 50 };
const lookups = (clock = fakeClock(), given: Partial<typeof budget> = {}, dns: Resolver = resolver) =>
  new Lookups(dns, clock, { ...budget, ...given }, '192.0.2.9');

test('mailauth gets records in the shape of node:dns, SPF as they are', async () => {
  const { ask } = lookups();
  assert.deepEqual(await ask('a.example', 'TXT'), [['one'], ['two']]);
  const own = lookups();
  assert.deepEqual(await own.txt('a.example'), ['one', 'two']);
  assert.deepEqual(await own.txt('nowhere.example'), []);
  assert.deepEqual(await own.mx('a.example'), ['mx.a.example']);
  assert.deepEqual(await own.a('a.example'), ['192.0.2.1']);
  assert.deepEqual(await own.aaaa('a.example'), ['2001:db8::1']);
  assert.deepEqual(await own.ptr(), ['client.example']);
});

test('a name without records is ENODATA, no answer is ESERVFAIL', async () => {
  const { ask } = lookups();
  await assert.rejects(ask('nowhere.example', 'TXT'), { code: 'ENODATA' });
  await assert.rejects(ask('a.example', 'SPF'), { code: 'ENODATA' });
  await assert.rejects(ask('dead.example', 'TXT'), { code: 'ESERVFAIL' });
});

test('a domain exists where it has an address or takes mail', async () => {
  const { askForPolicy } = lookups();
  assert.equal((await askForPolicy('a.example', 'A')).length, 1);
  assert.equal((await askForPolicy('mx-only.example', 'A')).length, 1);
  await assert.rejects(askForPolicy('nowhere.example', 'A'), { code: 'ENOTFOUND' });
  await assert.rejects(askForPolicy('nowhere.example', 'CNAME'), { code: 'ENOTFOUND' });
  await assert.rejects(askForPolicy('dead.example', 'A'), { code: 'ESERVFAIL' });
});

test('one question more than the budget has no answer, and is not asked', async () => {
  const dns = fakeResolver({ 'a.example': { txt: ['x'] } });
  const { ask } = lookups(fakeClock(), { lookups: 2 }, dns);
  await ask('a.example', 'TXT');
  await assert.rejects(ask('b.example', 'TXT'), { code: 'ENODATA' });
  await assert.rejects(ask('a.example', 'TXT'), { code: 'ETIMEOUT' });
  assert.equal(dns.lookups.length, 2);
});

test('silent DNS ends with the time of the budget, even a Resolver that minds no signal', async () => {
  const clock = fakeClock();
  let aborted = 0;
  const silent: Resolver = {
    ...resolver,
    txt: (_, signal) => {
      signal?.addEventListener('abort', () => aborted++);
      return new Promise(() => {});
    },
  };
  const { ask } = lookups(clock, {}, silent);
  const answers = Promise.allSettled([ask('a.example', 'TXT'), ask('b.example', 'TXT')]);
  await clock.advance(4999);
  assert.equal(aborted, 0);
  await clock.advance(1);
  for (const answer of await answers)
    assert.equal(answer.status === 'rejected' && answer.reason.code, 'ETIMEOUT');
  assert.equal(aborted, 2);
  await assert.rejects(ask('a.example', 'TXT'), { code: 'ETIMEOUT' });
});

test('the time runs from the first question, and no longer than the check', async () => {
  const clock = fakeClock();
  const first = lookups(clock);
  await clock.advance(60_000);
  assert.equal((await first.ask('a.example', 'TXT')).length, 2);
  first.close();
  await clock.advance(60_000);
  assert.equal((await first.ask('a.example', 'TXT')).length, 2);
});
