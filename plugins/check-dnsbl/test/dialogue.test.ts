import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeResolver, openHouse } from '@posthouse/core/testing';
import checkDnsbl from '../src/index.ts';

test('all lists are asked side by side before the client has said anything', async () => {
  const resolver = fakeResolver({ '1.2.0.192.bl.example': { a: ['127.0.0.2'] } });
  await using house = await openHouse({
    resolver,
    plugins: [checkDnsbl({ zones: ['bl.example', 'other.example'] })],
  });
  const before = resolver.lookups.length;
  const stream = house.connect();
  await house.clock.advance(0);
  assert.deepEqual(resolver.lookups.slice(before), ['A 1.2.0.192.bl.example', 'A 1.2.0.192.other.example']);
  stream.destroy();
});

test('a listed client is refused at MAIL', async () => {
  const resolver = fakeResolver({
    '1.2.0.192.bl.example': { a: ['127.0.0.2'], txt: ['see https://bl.example'] },
  });
  await using house = await openHouse({ resolver, plugins: [checkDnsbl({ zones: ['bl.example'] })] });
  await house.talk(`
    S: 220 *
    C: HELO client.example
    S: 250 *
    C: MAIL FROM:<ann@client.example>
    S: 550 5.7.1 Client [192.0.2.1] is listed by bl.example: see https://bl.example
    C: QUIT
    S: 221 *
  `);
});
