import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LET_THROUGH, PosthouseError, type Resolver, Verdict, WEIGHTED_REASONS } from '@posthouse/core';
import { fakeClock, fakeResolver, mount, NoteBook } from '@posthouse/core/testing';
import checkDnsbl from '../src/index.ts';

const LISTED = { a: ['127.0.0.2'], txt: ['https://bl.example/192.0.2.1'] };
const refused = Verdict.reject(
  '5.7.1',
  'Client [192.0.2.1] is listed by bl.example: https://bl.example/192.0.2.1',
  { reason: 'dnsbl.bl.example' },
);

test('a listed client is refused with what the list says', async () => {
  const resolver = fakeResolver({ '1.2.0.192.bl.example': LISTED });
  await using plugin = await mount(checkDnsbl({ zones: ['bl.example'] }), { resolver });
  assert.deepEqual(await plugin.ask('on-mail-from'), refused);
});

test('a client that is on no list passes, and so does one of IPv6', async () => {
  await using plugin = await mount(checkDnsbl({ zones: ['bl.example'] }));
  assert.deepEqual(await plugin.ask('on-mail-from'), Verdict.continue());
  assert.deepEqual(
    await plugin.ask('on-mail-from', { session: { remoteAddress: '2001:db8::1' } }),
    Verdict.continue(),
  );
});

test('weights add up, and those of a list of good clients count against', async () => {
  const resolver = fakeResolver({
    '1.2.0.192.one.example': { a: ['127.0.0.2'] },
    '1.2.0.192.two.example': { a: ['127.0.0.2'] },
    '1.2.0.192.good.example': { a: ['127.0.9.2'] },
  });
  const zones = [
    { zone: 'one.example', weight: 2 },
    { zone: 'two.example', weight: 1 },
  ];
  const good = { zone: 'good.example', answers: { '127.0.*.2': -2 } };
  await using strict = await mount(checkDnsbl({ zones, threshold: 3 }), { resolver });
  assert.equal((await strict.ask('on-mail-from')).kind, 'reject');
  await using kind = await mount(checkDnsbl({ zones: [...zones, good], threshold: 3 }), { resolver });
  assert.deepEqual(await kind.ask('on-mail-from'), Verdict.continue());
});

test('lists of domains are asked about HELO and sender', async () => {
  const resolver = fakeResolver({ 'spam.example.dbl.example': { a: ['127.0.1.2'] } });
  const zones = [{ zone: 'dbl.example', of: ['helo' as const, 'sender' as const] }];
  await using plugin = await mount(checkDnsbl({ zones }), { resolver });
  const verdict = Verdict.reject('5.7.1', 'The domain spam.example is listed by dbl.example', {
    reason: 'dnsbl.dbl.example',
  });
  assert.deepEqual(await plugin.ask('on-mail-from', { sender: 'a@spam.example' }), verdict);
  assert.deepEqual(
    await plugin.ask('on-mail-from', { sender: null, session: { helo: 'SPAM.example' } }),
    verdict,
  );
  assert.deepEqual(await plugin.ask('on-mail-from', { sender: null }), Verdict.continue());
});

test('users and clients of trusted networks are not asked about', async () => {
  const resolver = fakeResolver();
  await using plugin = await mount(checkDnsbl({ zones: ['bl.example'] }), { resolver });
  const before = resolver.lookups.length;
  await plugin.ask('on-mail-from', { session: { user: 'ann' } });
  await plugin.ask('on-mail-from', { session: { remoteAddress: '::ffff:127.0.0.1' } });
  assert.equal(resolver.lookups.length, before);
});

test('the same client is not asked about again until the answer is old', async () => {
  const resolver = fakeResolver();
  const clock = fakeClock();
  await using plugin = await mount(checkDnsbl({ zones: ['bl.example'], keep: '1m' as never }), {
    resolver,
    clock,
  });
  const asked = () => resolver.lookups.filter((lookup) => lookup === 'A 1.2.0.192.bl.example').length;
  await plugin.ask('on-mail-from');
  await plugin.ask('on-mail-from');
  assert.equal(asked(), 1);
  await clock.advance(61_000);
  await plugin.ask('on-mail-from');
  assert.equal(asked(), 2);
});

test('answers that refuse the question are no listing, and the operator hears of them once', async () => {
  const resolver = fakeResolver({
    '1.2.0.192.bl.example': { a: ['127.255.255.254'] },
    '2.2.0.192.bl.example': { a: ['127.255.255.254'] },
  });
  await using plugin = await mount(checkDnsbl({ zones: ['bl.example'] }), { resolver });
  assert.deepEqual(await plugin.ask('on-mail-from'), Verdict.continue());
  await plugin.ask('on-mail-from', { session: { remoteAddress: '192.0.2.2' } });
  const warnings = plugin.log.lines.filter(({ level }) => level === 'warn');
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]?.text ?? '', /bl\.example refuses our questions: over a public resolver/);
});

test('a list that has come to list the whole world is not used', async () => {
  const resolver = fakeResolver({
    '1.0.0.127.bl.example': { a: ['127.0.0.2'] },
    '1.2.0.192.bl.example': LISTED,
  });
  const clock = fakeClock();
  await using plugin = await mount(checkDnsbl({ zones: ['bl.example'] }), { resolver, clock });
  await clock.advance(0);
  assert.deepEqual(await plugin.ask('on-mail-from'), Verdict.continue());
  assert.match(plugin.log.lines[0]?.text ?? '', /lists even 127\.0\.0\.1/);
  resolver.set('1.0.0.127.bl.example', {});
  await clock.advance(60 * 60_000);
  assert.deepEqual(await plugin.ask('on-mail-from'), refused);
});

const silent = { a: () => new Promise(() => {}), txt: () => new Promise(() => {}) } as unknown as Resolver;

for (const [unanswered, kind] of [
  ['pass', 'continue'],
  ['defer', 'defer'],
] as const) {
  test(`a list that never answers holds nobody up beyond its time: ${unanswered}`, async () => {
    const clock = fakeClock();
    await using plugin = await mount(checkDnsbl({ zones: ['bl.example'], unanswered }), {
      resolver: silent,
      clock,
    });
    const answer = plugin.ask('on-mail-from');
    await clock.advance(5_000);
    assert.equal((await answer).kind, kind);
  });
}

test('a list that says nothing of its entry in time is named without a text', async () => {
  const a = async (name: string) => (name === '1.2.0.192.bl.example' ? ['127.0.0.2'] : []);
  const clock = fakeClock();
  await using plugin = await mount(checkDnsbl({ zones: ['bl.example'] }), {
    resolver: { ...silent, a },
    clock,
  });
  const answer = plugin.ask('on-mail-from');
  await clock.advance(5_000);
  assert.deepEqual(
    await answer,
    Verdict.reject('5.7.1', 'Client [192.0.2.1] is listed by bl.example', { reason: 'dnsbl.bl.example' }),
  );
});

test('a list that keeps failing is left alone for a minute', async () => {
  let asked = 0;
  const resolver = {
    a: (name: string) => {
      if (!name.startsWith('1.0.0.127.')) asked += 1;
      return Promise.reject(new PosthouseError('dns-unavailable', 'SERVFAIL'));
    },
  };
  const clock = fakeClock();
  await using plugin = await mount(checkDnsbl({ zones: ['bl.example'] }), { resolver, clock });
  const from = (host: number) =>
    plugin.ask('on-mail-from', { session: { remoteAddress: `192.0.2.${host}` } });
  for (let host = 1; host <= 20; host += 1) await from(host);
  assert.equal(asked, 5);
  assert.match(plugin.log.lines[0]?.text ?? '', /gives no answer, and is left alone for a minute: SERVFAIL/);
  await clock.advance(60_000);
  await from(21);
  assert.equal(asked, 6);
});

test('with "score" the weights are left to whoever adds up', async () => {
  const resolver = fakeResolver({ '1.2.0.192.bl.example': LISTED });
  const notes = new NoteBook();
  await using plugin = await mount(
    checkDnsbl({ zones: [{ zone: 'bl.example', weight: 4 }], action: 'score' }),
    {
      resolver,
    },
  );
  assert.deepEqual(await plugin.ask('on-mail-from', { notes }), Verdict.continue());
  assert.deepEqual(notes.get(WEIGHTED_REASONS), [{ reason: 'dnsbl.bl.example', weight: 4 }]);
});

test('whom the administrator lets through is left alone', async () => {
  const notes = new NoteBook();
  await using plugin = await mount(checkDnsbl({ zones: ['bl.example'] }), {
    resolver: fakeResolver({ '1.2.0.192.bl.example': LISTED }),
  });
  assert.notDeepEqual(await plugin.ask('on-mail-from', { notes }), Verdict.continue());
  notes.set(LET_THROUGH, 'a list');
  assert.deepEqual(await plugin.ask('on-mail-from', { notes }), Verdict.continue());
});
