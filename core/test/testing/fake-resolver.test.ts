import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PosthouseError } from '../../src/contract/index.ts';
import { fakeResolver } from '../../src/testing/fake-resolver.ts';

const resolver = () =>
  fakeResolver({
    'b.example': ['mx1.b.example', 'mx2.b.example'],
    'mx1.b.example': { a: ['192.0.2.1'], aaaa: ['2001:db8::1'] },
    'plain.example': { a: ['192.0.2.2'], txt: ['v=spf1 -all'] },
    'null.example': { mx: [{ exchange: '', preference: 0 }] },
    'down.example': 'unavailable',
    '192.0.2.1': { ptr: ['mx1.b.example'] },
  });

test('a list of hosts is a list of MX records in that order', async () => {
  assert.deepEqual(await resolver().mx('B.example'), [
    { exchange: 'mx1.b.example', preference: 10 },
    { exchange: 'mx2.b.example', preference: 20 },
  ]);
});

test('a name with nothing but an address is its own exchanger', async () => {
  assert.deepEqual(await resolver().mx('plain.example'), [{ exchange: 'plain.example', preference: 0 }]);
});

test('a null MX is seen as published, and nobody takes the mail', async () => {
  assert.deepEqual(await resolver().mxRecords('null.example'), [{ exchange: '', preference: 0 }]);
  assert.deepEqual(await resolver().mx('null.example'), []);
});

test('names that are not in the table have nothing', async () => {
  const { mx, addresses, txt, ptr } = resolver();
  assert.deepEqual(await mx.call(resolver(), 'c.example'), []);
  assert.deepEqual(await addresses('c.example'), { v4: [], v6: [] });
  assert.deepEqual(await txt('c.example'), []);
  assert.deepEqual(await ptr('192.0.2.9'), []);
});

test('an unavailable name throws, until it is set to something else', async () => {
  const dns = resolver();
  await assert.rejects(dns.mx('down.example'), (error) => PosthouseError.is(error, 'dns-unavailable'));
  dns.set('down.example', { a: ['192.0.2.3'] });
  assert.equal((await dns.mx('down.example')).length, 1);
});

test('every question is written down', async () => {
  const dns = resolver();
  await dns.mx('plain.example');
  await dns.ptr('192.0.2.1');
  assert.deepEqual(dns.lookups, ['MX plain.example', 'ADDRESS plain.example', 'PTR 192.0.2.1']);
});
