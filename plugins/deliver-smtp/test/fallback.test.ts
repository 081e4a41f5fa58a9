// `fallback`: where mail goes when no host of its own next hop answers for it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Script, scriptedHop } from '@posthouse/core/testing';
import { kinds, type RelayConfig, relay } from './relay.ts';

interface Result {
  readonly outcomes: Record<string, string>;
  readonly first: number;
  readonly last: number;
}

/** The first hop at 127.0.0.1, the fallback at 127.0.0.3. */
async function send(
  script: Script | undefined,
  to: readonly string[],
  config: RelayConfig = {},
): Promise<Result> {
  await using last = await scriptedHop({}, { address: '127.0.0.3' });
  await using first = await scriptedHop(script ?? {}, { address: '127.0.0.1', port: last.port });
  if (script === undefined) await first[Symbol.asyncDispose]();
  await using house = await relay({ port: last.port, fallback: '[127.0.0.3]', ...config });
  const outcomes = kinds(await house.send(to));
  const count = (hop: typeof first): number => hop.sessions.flatMap(({ messages }) => messages).length;
  return { outcomes, first: count(first), last: count(last) };
}

const BOB = ['b@b.example'];

test('it is left alone while a host of the domain answers, whatever it says', async () => {
  for (const [script, expected] of [
    [{}, 'delivered'],
    [{ RCPT: '450 4.2.0 greylisted' }, 'deferred 4.2.0'],
    [{ MAIL: '451 4.3.0 no' }, 'deferred 4.3.0'],
    [{ message: '554 5.7.1 no' }, 'failed 5.7.1'],
    [{ message: 'DROP' }, 'deferred 4.4.2'],
  ] as const) {
    const { outcomes, last } = await send(script, BOB);
    assert.deepEqual(outcomes, { 'b@b.example': expected });
    assert.equal(last, 0);
  }
});

test('it takes what nobody answers for', async () => {
  for (const script of [
    undefined,
    { greeting: '421 full' },
    { greeting: '554 no' },
    { MAIL: 'DROP' },
  ] as const) {
    const { outcomes, last } = await send(script, BOB);
    assert.deepEqual(outcomes, { 'b@b.example': 'delivered' });
    assert.equal(last, 1);
  }
});

test('it takes the recipients that were left open, and no others', async () => {
  const script: Script = { RCPT: (line) => (line.includes('one') ? '550 5.1.1 no' : '421 4.7.0 enough') };
  const { outcomes, first, last } = await send(script, ['one@b.example', 'two@b.example']);
  assert.deepEqual(outcomes, { 'one@b.example': 'failed 5.1.1', 'two@b.example': 'delivered' });
  assert.deepEqual([first, last], [0, 1]);
});

test('it takes what DNS does not answer for, and not what nobody takes', async () => {
  assert.deepEqual((await send({}, ['x@gone.example'])).outcomes, { 'x@gone.example': 'delivered' });
  assert.deepEqual((await send({}, ['x@null.example'])).outcomes, { 'x@null.example': 'failed 5.1.10' });
  assert.deepEqual((await send({}, ['x@nowhere.example'])).outcomes, { 'x@nowhere.example': 'failed 5.1.2' });
});

test('a connection to it is no connection to the domain, and serves other domains', async () => {
  await using last = await scriptedHop({}, { address: '127.0.0.3' });
  await using house = await relay({ port: last.port, fallback: '[127.0.0.3]' });
  for (const to of ['b@b.example', 'c@c.example', 'b@b.example']) await house.send(to);
  assert.deepEqual(
    last.sessions.map(({ messages }) => messages.length),
    [3],
  );
  await using back = await scriptedHop({}, { address: '127.0.0.1', port: last.port });
  await house.send('b@b.example');
  assert.equal(back.sessions[0]?.messages.length, 1);
});

test('when it fails as well the mail waits', async () => {
  await using first = await scriptedHop({ greeting: '421 full' });
  await using house = await relay({ port: first.port, fallback: '[127.0.0.4]' });
  assert.deepEqual(kinds(await house.send()), { 'b@b.example': 'deferred 4.4.1' });
});

test('a fallback that is none is an error of the configuration', async () => {
  await assert.rejects(relay({ fallback: 'a..b' }), /fallback: not a next hop: "a\.\.b"/);
});
