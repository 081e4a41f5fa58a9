// A milter that is down, slow, lost or talks nonsense: the operator's word follows, at once or when time is up.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { definePlugin, Verdict } from '@posthouse/core';
import { fakeClock, mount, NoteBook, openHouse } from '@posthouse/core/testing';
import checkMilter from '../src/index.ts';
import { UNANSWERED } from '../src/protocol.ts';
import { answer, CONTINUE, type Script, scriptedMilter, uint32 } from './scripted-milter.ts';

const UNAVAILABLE = {
  defer: Verdict.defer('4.7.1', 'The message cannot be looked at now, please try again later', {
    reason: 'milter.m.unavailable',
  }),
  reject: Verdict.reject('5.3.0', 'The message cannot be looked at', {
    code: 554,
    reason: 'milter.m.unavailable',
  }),
  pass: Verdict.continue(),
};
const CHOICES = ['defer', 'reject', 'pass'] as const;

for (const unavailable of CHOICES) {
  test(`no milter there: ${unavailable}, at every stage, said once in the log`, async () => {
    await using plugin = await mount(
      checkMilter({ milters: [{ at: '/nowhere/milter.sock', name: 'm' }], unavailable }),
    );
    assert.deepEqual(await plugin.ask('on-connect'), UNAVAILABLE[unavailable]);
    const notes = new NoteBook();
    assert.deepEqual(await plugin.ask('on-mail-from', { notes }), UNAVAILABLE[unavailable]);
    assert.deepEqual(await plugin.ask('on-rcpt', { notes, claimed: true }), UNAVAILABLE[unavailable]);
    assert.deepEqual(await plugin.ask('on-data', { notes }), UNAVAILABLE[unavailable]);
    assert.equal(plugin.log.lines.filter(({ level }) => level === 'error').length, 1);
  });
}

const says =
  (letter: string, ...frames: readonly Buffer[]): Script =>
  (heard) =>
    heard.letter === letter ? frames : undefined;

const nonsense: readonly (readonly [what: string, script: Script])[] = [
  ['answers the negotiation with something else', says('O', CONTINUE)],
  ['speaks a version to come', says('O', answer('O', uint32(9), uint32(0), uint32(0)))],
  ['speaks HTTP', says('O', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))],
  ['sends a frame of 4 GiB', says('O', uint32(0xffffffff))],
  ['answers with a letter that is none', says('M', answer('Z'))],
  ['discards the client', says('C', answer('d'))],
  ['skips a field', says('L', answer('s'))],
  ['changes fields before the end', says('L', answer('h', 'X\0y\0'))],
  ['answers twice', says('R', CONTINUE, CONTINUE)],
  ['would end a field', says('E', answer('h', 'X\0y\r\nBcc: z\0'), CONTINUE)],
  ['does what was not agreed upon', says('E', answer('b', 'x\r\n'), CONTINUE)],
  ['adds no address', says('E', answer('+', 'no address\0'), CONTINUE)],
  ['wants changes without end', says('E', ...Array.from({ length: 1_001 }, () => answer('h', 'X\0y\0')))],
  [
    'hangs up',
    ({ letter }, socket) => {
      if (letter === 'B') socket.destroy();
      return undefined;
    },
  ],
];
for (const [what, script] of nonsense) {
  test(`a milter that ${what} is unavailable, and nothing of it stays`, async () => {
    for (const unavailable of CHOICES) {
      await using milter = await scriptedMilter(script, { actions: 0x7d });
      await using plugin = await mount(checkMilter({ milters: [{ at: milter.at, name: 'm' }], unavailable }));
      const notes = new NoteBook();
      const answers = [
        await plugin.ask('on-connect'),
        await plugin.ask('on-mail-from', { notes }),
        await plugin.ask('on-rcpt', { notes, claimed: true }),
        await plugin.ask('on-data', { notes }),
      ];
      assert.deepEqual(answers.at(-1), UNAVAILABLE[unavailable]);
      assert.deepEqual(plugin.edits, []);
      while (milter.sockets.size > 0) await turn();
    }
  });
}

/** A milter that falls silent at a command. */
const silentAt =
  (letter: string): Script =>
  (heard) =>
    heard.letter === letter ? [] : undefined;

for (const [letter, milliseconds] of [
  ['O', 3_000],
  ['C', 3_000],
  ['H', 4_000],
  ['M', 4_000],
  ['R', 4_000],
  ['L', 9_000],
  ['B', 9_000],
  ['E', 9_000],
] as const) {
  test(`a milter that falls silent at ${letter} is waited for ${milliseconds} ms`, async () => {
    await using milter = await scriptedMilter(silentAt(letter));
    const clock = fakeClock();
    await using plugin = await mount(checkMilter({ milters: [{ at: milter.at, name: 'm' }] }), { clock });
    const notes = new NoteBook();
    const heard = milter.hears(letter);
    const asking = (async () => {
      for (const ask of [
        () => plugin.ask('on-connect'),
        () => plugin.ask('on-mail-from', { notes }),
        () => plugin.ask('on-rcpt', { notes, claimed: true }),
        () => plugin.ask('on-data', { notes }),
      ]) {
        const verdict = await ask();
        if (verdict.kind !== 'continue') return verdict;
      }
      return undefined;
    })();
    await heard;
    await clock.advance(milliseconds - 1);
    assert.equal(plugin.log.lines.length, 0);
    await clock.advance(1);
    assert.deepEqual(await asking, UNAVAILABLE.defer);
    while (milter.sockets.size > 0) await turn();
  });
}

test('a milter that tells of progress has its time again', async () => {
  let socket: Socket | undefined;
  await using milter = await scriptedMilter((heard, from) => {
    socket = from;
    return heard.letter === 'L' ? [] : undefined;
  });
  const clock = fakeClock();
  await using plugin = await mount(checkMilter({ milters: [{ at: milter.at, name: 'm' }] }), { clock });
  let heard = milter.hears('L');
  const asking = plugin.ask('on-data', { notes: new NoteBook(), message: 'A: 1\r\nB: 2\r\nC: 3\r\n\r\n' });
  for (const said of [CONTINUE, CONTINUE, answer('r')]) {
    await heard;
    await clock.advance(8_000);
    heard = milter.hears('L');
    socket?.write(Buffer.concat([answer('p'), said]));
  }
  assert.equal((await asking).kind, 'reject');
});

test('a milter that takes nothing in is not written to without end: the body waits, until time is up', async () => {
  await using milter = await scriptedMilter(
    (heard, socket) => {
      if (heard.letter !== 'N') return undefined;
      socket.pause();
      return [CONTINUE];
    },
    { steps: UNANSWERED.body },
  );
  const clock = fakeClock();
  await using plugin = await mount(checkMilter({ milters: [{ at: milter.at, name: 'm' }] }), { clock });
  const paused = milter.hears('N');
  const message = Buffer.concat([Buffer.from('Subject: x\r\n\r\n'), Buffer.alloc(32 * 1024 * 1024, 'x\r\n')]);
  const asking = plugin.ask('on-data', { notes: new NoteBook(), message });
  await paused;
  await clock.advance(9_000);
  assert.deepEqual(await asking, UNAVAILABLE.defer);
});

test('beyond its connections a milter counts as unavailable', async () => {
  await using milter = await scriptedMilter();
  await using plugin = await mount(checkMilter({ milters: [{ at: milter.at, name: 'm' }], connections: 1 }));
  assert.deepEqual(await plugin.ask('on-connect', { session: { id: 'A' } }), Verdict.continue());
  assert.deepEqual(await plugin.ask('on-connect', { session: { id: 'B' } }), UNAVAILABLE.defer);
});

test('a milter that was started anew in the middle of a session is told what it has missed', async () => {
  await using milter = await scriptedMilter();
  await using plugin = await mount(checkMilter({ milters: [{ at: milter.at, name: 'm' }] }));
  const notes = new NoteBook();
  assert.equal((await plugin.ask('on-mail-from', { notes })).kind, 'continue');
  const [socket] = [...milter.sockets];
  socket?.destroy();
  await once(socket as NonNullable<typeof socket>, 'close');
  while ((await plugin.ask('on-rcpt', { notes: new NoteBook(), claimed: true })).kind !== 'continue')
    await turn();
  assert.equal(
    milter.told
      .map((each) => each[0])
      .join('')
      .endsWith('CHMR'),
    true,
  );
});

test('when the client leaves, so do we: no connection to the milter stays', async () => {
  await using milter = await scriptedMilter();
  await using house = await openHouse({
    plugins: [checkMilter({ milters: [{ at: milter.at }] }), accepts()],
  });
  const asked = milter.hears('M');
  const client = house.connect().resume();
  client.write('EHLO client.example\r\nMAIL FROM:<ann@client.example>\r\n');
  await asked;
  client.destroy();
  while (milter.sockets.size > 0) await turn();
});

test('an address that is none is refused before the start', async () => {
  await assert.rejects(
    mount(checkMilter({ milters: [{ at: 'milter.sock' }] })),
    /milters\[0\]\.at: "milter\.sock" is neither/,
  );
});

const accepts = definePlugin({
  name: 'accepts',
  setup: () => ({ hooks: { 'on-rcpt': () => Verdict.accept() } }),
});
