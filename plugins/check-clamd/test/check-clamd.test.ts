import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { definePlugin, Verdict } from '@posthouse/core';
import { fakeClock, mount, NoteBook, openHouse } from '@posthouse/core/testing';
import { readAnswer } from '../src/clamd.ts';
import checkClamd from '../src/index.ts';

test('the answers of clamd', () => {
  assert.deepEqual(readAnswer('stream: OK'), { kind: 'clean' });
  assert.deepEqual(readAnswer('stream: Win.Test.EICAR_HDB-1 FOUND'), {
    kind: 'found',
    name: 'Win.Test.EICAR_HDB-1',
  });
  assert.deepEqual(readAnswer('INSTREAM size limit exceeded. ERROR'), { kind: 'too-large' });
  assert.equal(readAnswer('220 mail.example ESMTP').kind, 'failed');
  assert.equal(readAnswer('stream:  FOUND').kind, 'failed');
});

/** A clamd that hears a whole message and says what it is told to. */
async function clamdThat(says: (message: string, socket: Socket) => string | undefined) {
  const sockets = new Set<Socket>();
  const heard: string[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    let bytes = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      const message = messageIn(bytes);
      if (message === undefined) return;
      heard.push(message);
      const answer = says(message, socket);
      if (answer !== undefined) socket.end(answer);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    heard,
    at: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The chunks of INSTREAM put together, once the last one is there. */
function messageIn(bytes: Buffer): string | undefined {
  const start = 'zINSTREAM\0';
  if (bytes.length < start.length) return undefined;
  assert.equal(bytes.subarray(0, start.length).toString(), start);
  let at = start.length;
  let message = '';
  while (bytes.length >= at + 4) {
    const length = bytes.readUInt32BE(at);
    if (length === 0) return message;
    if (bytes.length < at + 4 + length) return undefined;
    message += bytes.subarray(at + 4, at + 4 + length).toString('latin1');
    at += 4 + length;
  }
  return undefined;
}

const message = `Subject: x\r\n\r\n${'0123456789abcdef'.repeat(10_000)}\r\n`;

test('the message goes to clamd as it is, and a clean one passes with a field', async () => {
  await using clamd = await clamdThat(() => 'stream: OK\0');
  const notes = new NoteBook();
  await using plugin = await mount(checkClamd({ servers: [clamd.at] }));
  assert.deepEqual(await plugin.ask('on-data', { message, notes }), Verdict.continue());
  assert.deepEqual(clamd.heard, [message]);
  assert.deepEqual(notes.toJSON()['check-clamd/result'], { result: 'clean' });
  assert.match(JSON.stringify(plugin.edits), /X-Virus-Scanned.*clean/);
});

for (const [found, verdict] of [
  ['reject', Verdict.reject('5.7.1', 'The message has a virus: Test.Virus', { reason: 'clamd.Test.Virus' })],
  ['quarantine', Verdict.quarantine('clamd.Test.Virus')],
  ['discard', Verdict.discard('clamd.Test.Virus')],
  ['note', Verdict.continue()],
] as const) {
  test(`a message with a virus: ${found}`, async () => {
    await using clamd = await clamdThat(() => 'stream: Test.Virus FOUND\0');
    await using plugin = await mount(checkClamd({ servers: [clamd.at], found }));
    assert.deepEqual(await plugin.ask('on-data', { message }), verdict);
  });
}

test('signatures that do not count do not', async () => {
  await using clamd = await clamdThat(() => 'stream: PUA.Win.Thing FOUND\0');
  await using plugin = await mount(checkClamd({ servers: [clamd.at], ignore: ['PUA.'] }));
  assert.deepEqual(await plugin.ask('on-data', { message }), Verdict.continue());
});

for (const [tooLarge, kind] of [
  ['pass', 'continue'],
  ['defer', 'defer'],
  ['reject', 'reject'],
] as const) {
  test(`a message that is too large for us, or for clamd: ${tooLarge}`, async () => {
    await using clamd = await clamdThat(() => 'INSTREAM size limit exceeded. ERROR\0');
    await using small = await mount(checkClamd({ servers: [clamd.at], maxSize: 100, tooLarge }));
    assert.equal((await small.ask('on-data', { message })).kind, kind);
    assert.equal(clamd.heard.length, 0);
    await using large = await mount(checkClamd({ servers: [clamd.at], tooLarge }));
    assert.equal((await large.ask('on-data', { message })).kind, kind);
  });
}

const troubles: readonly (readonly [
  what: string,
  says: (heard: string, socket: Socket) => string | undefined,
])[] = [
  ['answers nonsense', () => 'HTTP/1.1 200 OK\r\n\r\n\0'],
  ['says a line without end', () => 'x'.repeat(100_000)],
  ['hangs up', (_, socket) => void socket.destroy()],
];
for (const [what, says] of troubles) {
  test(`a clamd that ${what} defers the mail, or lets it pass where the operator says so`, async () => {
    await using clamd = await clamdThat(says);
    await using strict = await mount(checkClamd({ servers: [clamd.at] }));
    assert.deepEqual(
      await strict.ask('on-data', { message }),
      Verdict.defer('4.7.1', 'The message cannot be looked at now, please try again later', {
        reason: 'clamd.unavailable',
      }),
    );
    assert.equal(strict.log.lines.filter(({ level }) => level === 'error').length, 1);
    await using kind = await mount(checkClamd({ servers: [clamd.at], unavailable: 'pass' }));
    assert.deepEqual(await kind.ask('on-data', { message }), Verdict.continue());
  });
}

test('a clamd that never answers is waited for no longer than configured, also by those who queue for it', async () => {
  let heard: () => void = () => {};
  const scanning = new Promise<void>((resolve) => {
    heard = resolve;
  });
  await using clamd = await clamdThat(() => {
    heard();
    return undefined;
  });
  const clock = fakeClock();
  await using plugin = await mount(checkClamd({ servers: [clamd.at], scans: 1 }), { clock });
  const answers = [plugin.ask('on-data', { message }), plugin.ask('on-data', { message })];
  await scanning;
  await clock.advance(9_000);
  for (const answer of await Promise.all(answers)) assert.equal(answer.kind, 'defer');
});

test('where one clamd cannot be reached the next one is asked', async () => {
  await using clamd = await clamdThat(() => 'stream: OK\0');
  await using plugin = await mount(checkClamd({ servers: ['/nowhere/clamd.ctl', clamd.at] }));
  assert.deepEqual(await plugin.ask('on-data', { message }), Verdict.continue());
});

test('the dialogue', async () => {
  await using clamd = await clamdThat((heard) =>
    heard.includes('evil') ? 'stream: Test.Virus FOUND\0' : 'stream: OK\0',
  );
  await using house = await openHouse({ plugins: [checkClamd({ servers: [clamd.at] }), acceptAll()] });
  await house.talk(`
    S: 220 *
    C: HELO client.example
    S: 250 *
    C: MAIL FROM:<ann@client.example>
    S: 250 *
    C: RCPT TO:<bob@house.example>
    S: 250 *
    C: DATA
    S: 354 *
    C: Subject: x
    C:
    C: evil
    C: .
    S: 550 5.7.1 The message has a virus: Test.Virus
    C: QUIT
    S: 221 *
  `);
});

const acceptAll = definePlugin({
  name: 'accept-all',
  setup: () => ({ hooks: { 'on-rcpt': () => Verdict.accept() } }),
});
