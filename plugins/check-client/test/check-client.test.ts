import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LET_THROUGH, type Resolver, Verdict, WEIGHTED_REASONS } from '@posthouse/core';
import { fakeClock, fakeResolver, mount, NoteBook, openHouse } from '@posthouse/core/testing';
import checkClient from '../src/index.ts';

const KNOWN = {
  '192.0.2.1': { ptr: ['mx.client.example', 'client.example'] },
  'mx.client.example': { a: ['192.0.2.9'] },
  'client.example': { a: ['192.0.2.1'] },
};

test('a client with a proper name passes, and no DNS is asked by default', async () => {
  const resolver = fakeResolver();
  await using plugin = await mount(checkClient(), { resolver });
  assert.deepEqual(await plugin.ask('on-mail-from'), Verdict.continue());
  assert.deepEqual(resolver.lookups, []);
});

test('a stranger that calls itself by our name is refused, a user and a trusted client are not', async () => {
  await using plugin = await mount(checkClient({ ownNames: ['Ours.example'] }));
  const as = (session: object) => plugin.ask('on-mail-from', { session });
  const refused = (helo: string) =>
    Verdict.reject('5.7.1', `You are not ${helo}`, { reason: 'client.own-helo' });
  assert.deepEqual(await as({ helo: 'house.example' }), refused('house.example'));
  assert.deepEqual(await as({ helo: 'OURS.example' }), refused('OURS.example'));
  assert.deepEqual(await as({ helo: 'house.example', user: 'ann' }), Verdict.continue());
  assert.deepEqual(await as({ helo: 'house.example', remoteAddress: '127.0.0.1' }), Verdict.continue());
});

test('a name that leads back to the address confirms it', async () => {
  const notes = new NoteBook();
  await using plugin = await mount(
    checkClient({ noReverseName: 'reject', unconfirmedReverseName: 'reject' }),
    {
      resolver: fakeResolver(KNOWN),
    },
  );
  assert.deepEqual(await plugin.ask('on-mail-from', { notes }), Verdict.continue());
  assert.deepEqual(notes.toJSON()['check-client/reverse-name'], {
    names: ['mx.client.example', 'client.example'],
    confirmed: 'client.example',
  });
});

test('an address without a name, and one whose name leads elsewhere, get what the configuration says', async () => {
  const resolver = fakeResolver({ '192.0.2.2': { ptr: ['mx.client.example'] }, ...KNOWN });
  const config = { noReverseName: 'reject', unconfirmedReverseName: 'defer' } as const;
  await using plugin = await mount(checkClient(config), { resolver });
  const from = (remoteAddress: string) => plugin.ask('on-mail-from', { session: { remoteAddress } });
  assert.deepEqual(
    await from('192.0.2.3'),
    Verdict.reject('5.7.25', 'Your address 192.0.2.3 has no name in DNS', {
      reason: 'client.no-reverse-name',
    }),
  );
  assert.deepEqual(
    await from('192.0.2.2'),
    Verdict.defer('4.7.25', 'The name of your address 192.0.2.2 does not lead back to it', {
      reason: 'client.unconfirmed-reverse-name',
    }),
  );
});

const dead: Resolver = {
  ...fakeResolver(),
  ptr: () => Promise.reject(new Error('no answer')),
};
for (const [what, resolver, result] of [
  ['a name that leads back', fakeResolver(KNOWN), 'pass'],
  ['names that lead elsewhere', fakeResolver({ '192.0.2.1': { ptr: ['elsewhere.example'] } }), 'fail'],
  ['no name', fakeResolver(), 'permerror'],
  ['no answer', dead, 'temperror'],
] as const) {
  test(`RFC 8601 §2.7.3: iprev of ${what} is ${result}, and refuses nobody`, async () => {
    await using plugin = await mount(checkClient({ iprev: true }), { resolver });
    const session = { remoteAddress: '192.0.2.1' };
    assert.deepEqual(await plugin.ask('on-mail-from', { session }), Verdict.continue());
    assert.deepEqual(await plugin.ask('on-data', { session }), Verdict.continue());
    const found = { method: 'iprev', result, properties: { 'policy.iprev': '192.0.2.1' } };
    assert.deepEqual(plugin.edits, [{ kind: 'result', result: found }]);
  });
}

test('iprev is not said of users and of our own networks, nor where no names are asked for', async () => {
  await using plugin = await mount(checkClient({ iprev: true }), { resolver: fakeResolver(KNOWN) });
  await plugin.ask('on-data', { session: { user: 'ann' } });
  await plugin.ask('on-data', { session: { remoteAddress: '10.0.0.1' } });
  assert.deepEqual(plugin.edits, []);
  await using silent = await mount(checkClient(), { resolver: fakeResolver(KNOWN) });
  await assert.rejects(silent.ask('on-data'), /has no on-data handler/);
});

test('a HELO that DNS does not know is refused where that is asked for', async () => {
  await using plugin = await mount(checkClient({ unknownHelo: 'reject' }), { resolver: fakeResolver(KNOWN) });
  const as = (helo: string) => plugin.ask('on-mail-from', { session: { helo } });
  assert.deepEqual(await as('client.example'), Verdict.continue());
  assert.equal((await as('nowhere.example')).kind, 'reject');
  assert.deepEqual(await as('[192.0.2.1]'), Verdict.continue());
});

test('a number is a weight, and refuses nobody', async () => {
  const notes = new NoteBook();
  await using plugin = await mount(checkClient({ unqualifiedHelo: 2, noReverseName: 1.5 }));
  assert.deepEqual(
    await plugin.ask('on-mail-from', { notes, session: { helo: 'client' } }),
    Verdict.continue(),
  );
  assert.deepEqual(notes.get(WEIGHTED_REASONS), [
    { reason: 'client.unqualified-helo', weight: 2 },
    { reason: 'client.no-reverse-name', weight: 1.5 },
  ]);
});

test('an address with a thousand names has ten of them looked at', async () => {
  const names = Array.from({ length: 1000 }, (_, index) => `n${index}.client.example`);
  const resolver = fakeResolver({ '192.0.2.1': { ptr: names } });
  await using plugin = await mount(checkClient({ unconfirmedReverseName: 'reject' }), { resolver });
  assert.equal((await plugin.ask('on-mail-from')).kind, 'reject');
  assert.equal(resolver.lookups.length, 11);
});

const mute = { ptr: () => new Promise(() => {}), mx: () => new Promise(() => {}) } as unknown as Resolver;
for (const [unanswered, kind] of [
  ['pass', 'continue'],
  ['defer', 'defer'],
] as const) {
  test(`DNS that never answers holds nobody up beyond its time: ${unanswered}`, async () => {
    const clock = fakeClock();
    const config = { noReverseName: 'reject', unknownHelo: 'reject', unanswered } as const;
    await using plugin = await mount(checkClient(config), { resolver: mute, clock });
    const answer = plugin.ask('on-mail-from');
    await clock.advance(5_000);
    assert.equal((await answer).kind, kind);
  });
  test(`DNS that fails: ${unanswered}`, async () => {
    const resolver = fakeResolver({ '192.0.2.1': 'unavailable', 'client.example': 'unavailable' });
    const config = { noReverseName: 'reject', unknownHelo: 'reject', unanswered } as const;
    await using plugin = await mount(checkClient(config), { resolver });
    assert.equal((await plugin.ask('on-mail-from')).kind, kind);
  });
}

test('the dialogue: the name of the house from a stranger', async () => {
  await using house = await openHouse({ plugins: [checkClient()] });
  await house.talk(`
    S: 220 *
    C: HELO house.example
    S: 250 *
    C: MAIL FROM:<ann@client.example>
    S: 550 5.7.1 You are not house.example
    C: HELO client.example
    S: 250 *
    C: MAIL FROM:<ann@client.example>
    S: 250 2.1.0 *
    C: QUIT
    S: 221 *
  `);
});

test('whom the administrator lets through is left alone', async () => {
  const notes = new NoteBook();
  await using plugin = await mount(checkClient());
  assert.notDeepEqual(
    await plugin.ask('on-mail-from', { notes, session: { helo: 'house.example' } }),
    Verdict.continue(),
  );
  notes.set(LET_THROUGH, 'a list');
  assert.deepEqual(
    await plugin.ask('on-mail-from', { notes, session: { helo: 'house.example' } }),
    Verdict.continue(),
  );
});
