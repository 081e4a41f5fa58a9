// Memory is bounded: by no number of clients, no size of their messages, no length of a line and no length of the queue.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { untilQueueIsEmpty } from '../support/control.ts';
import { acceptDomain, CONTROL, DOMAIN, durableHouse, durableStore } from '../support/durable-house.ts';
import { fillQueue } from '../support/fill-queue.ts';
import { lacks, missingLinux } from '../support/requirements.ts';
import { ServerProcess, TemporaryFolder } from '../support/server-process.ts';
import { expectCode, SmtpClient } from '../support/smtp-client.ts';

const MIB = 1024 * 1024;
const MB = 1_000_000;
const BOUND = 300 * MIB;
/** While a long queue is worked off: garbage that is not yet collected comes on top, but nothing that grows with its length. */
const BUSY_BOUND = 400 * MIB;
const GROWTH = 30 * MIB;
const ENVELOPE = { sender: 'load@client.example', recipients: [`box@${DOMAIN}`] };
const NOWHERE = fileURLToPath(new URL('../support/deliver-nowhere.js', import.meta.url));

const house = (store: object = {}): ReturnType<typeof durableHouse> =>
  durableHouse({
    // The client that never reads shall be stopped by its unread replies, not by the number of its commands.
    limits: { messageSize: '100 MiB', commandsWithoutMail: 100_000_000 },
    plugins: [durableStore(store), acceptDomain(), { use: NOWHERE }],
  });

test('a hundred messages of 20 MB at a time stay under 300 MB', async (t) => {
  if (lacks(t, missingLinux())) return;
  const size = 20 * MB;
  const count = 100;
  using folder = new TemporaryFolder('posthouse-memory');
  await using server = await ServerProcess.start(folder.path, house());
  const began = Date.now();
  const clients = await Promise.all(Array.from({ length: count }, () => SmtpClient.greet(server.port)));
  for (const client of clients) expectCode(await client.begin(ENVELOPE), 354);

  const content = lines(size);
  await Promise.all(clients.map((client) => client.write(content)));
  const open = server.memory();
  // Every one of them is open to its last octet now: only the dot is missing.
  const replies = await Promise.all(
    clients.map((client) => {
      client.push('.\r\n');
      return client.reply();
    }),
  );
  for (const reply of replies) expectCode(reply, 250);
  const seconds = (Date.now() - began) / 1000;
  await untilQueueIsEmpty(folder.join(CONTROL));
  const { peak } = server.memory();
  t.diagnostic(
    `${count} messages of ${mb(size)} MB in ${seconds.toFixed(1)} s: ${mb(open.now)} MB when all were open, peak ${mb(peak)} MB`,
  );
  assert.ok(peak < BOUND, `the peak is ${mb(peak)} MB`);
  await Promise.all(clients.map((client) => client.quit()));
  await server.stop();
});

const ENDLESS: readonly { readonly what: string; readonly send: (client: SmtpClient) => Promise<string> }[] =
  [
    {
      what: 'a command line without an end',
      send: (client) => pour(client, Buffer.alloc(MIB, 'a'), 64),
    },
    {
      what: 'a line of a message without an end',
      send: async (client) => {
        expectCode(await client.begin(ENVELOPE), 354);
        client.push('Subject: endless\r\n\r\n');
        return pour(client, Buffer.alloc(MIB, 'a'), 64);
      },
    },
    {
      what: 'a header without an end',
      send: async (client) => {
        expectCode(await client.begin(ENVELOPE), 354);
        return pour(client, Buffer.from(`X-Endless: ${'a'.repeat(63)}\r\n`.repeat(MIB / 76)), 64);
      },
    },
    {
      what: 'a header field without an end',
      send: async (client) => {
        expectCode(await client.begin(ENVELOPE), 354);
        client.push('X-Endless: a\r\n');
        return pour(client, Buffer.from(` ${'a'.repeat(73)}\r\n`.repeat(MIB / 76)), 64);
      },
    },
    {
      what: 'a client that sends commands and never reads',
      send: async (client) => {
        client.socket.pause();
        const commands = Buffer.from('NOOP\r\n'.repeat(10_000));
        for (let sent = 0; sent < 64 * MIB; sent += commands.length) {
          const left = await Promise.race([client.write(commands).then(() => true), wait(2000, false)]);
          if (!left) return `the server stopped reading after ${mb(sent)} MB`;
        }
        throw new Error('the server went on reading from a client that does not read');
      },
    },
  ];

test('neither a line nor a header without an end, nor a client that never reads, makes it grow', async (t) => {
  if (lacks(t, missingLinux())) return;
  using folder = new TemporaryFolder('posthouse-endless');
  await using server = await ServerProcess.start(folder.path, house());
  // Octets that arrive at full speed need buffers, whoever sends them: growth is what an endless client needs beyond.
  await sendOrdinaryMail(server.port);
  const { now: before, peak: ordinary } = server.memory();
  t.diagnostic(`after ordinary messages, large ones among them: ${mb(before)} MB, peak ${mb(ordinary)} MB`);
  for (const { what, send } of ENDLESS) {
    server.forgetPeak();
    const client = await SmtpClient.greet(server.port);
    const end = await send(client);
    const { now, peak } = server.memory();
    client.destroy();
    t.diagnostic(`${what}: ${end}; ${mb(now)} MB after, peak ${mb(peak)} MB`);
    assert.ok(peak - ordinary < GROWTH, `${what} made the server grow to ${mb(peak)} MB`);
  }
  const other = await SmtpClient.greet(server.port);
  expectCode(await other.send(ENVELOPE, 'Subject: still here\r\n\r\nfine\r\n'), 250);
  await other.quit();
  await server.stop();
});

for (const { name, lanes } of [
  { name: 'for one destination', lanes: 1 },
  { name: 'for ten thousand destinations', lanes: 10_000 },
]) {
  test(`a queue of 100,000 items ${name} starts within 10 s and 300 MB, and is worked off`, async (t) => {
    if (lacks(t, missingLinux())) return;
    const count = 100_000;
    using folder = new TemporaryFolder('posthouse-long-queue');
    await fillQueue(folder.join('queue'), { count, lanes, transport: 'deliver-nowhere' });
    const began = Date.now();
    await using server = await ServerProcess.start(folder.path, house());
    const client = await SmtpClient.greet(server.port);
    expectCode(await client.send(ENVELOPE, 'Subject: new\r\n\r\nfresh\r\n'), 250);
    const seconds = (Date.now() - began) / 1000;
    const early = server.memory();
    await client.quit();
    await untilQueueIsEmpty(folder.join(CONTROL), 120_000);
    const all = (Date.now() - began) / 1000;
    const { peak } = server.memory();
    t.diagnostic(
      `first new message accepted after ${seconds.toFixed(1)} s at ${mb(early.peak)} MB; queue empty after ${all.toFixed(1)} s, peak ${mb(peak)} MB`,
    );
    assert.ok(seconds < 10, `it took ${seconds} s to start`);
    assert.ok(early.peak < BOUND, `the start takes ${mb(early.peak)} MB`);
    assert.ok(peak < BUSY_BOUND, `the peak is ${mb(peak)} MB`);
    await server.stop();
  });
}

/** Sends the same octets again and again until all have left or the server has had enough; resolves to how it ended. */
async function pour(client: SmtpClient, octets: Uint8Array, times: number): Promise<string> {
  const reply = client.reply().then(
    ({ code, text }) => `${code} ${text}`,
    (error: Error) => error.message,
  );
  for (let sent = 0; sent < times; sent += 1) {
    try {
      await client.write(octets);
    } catch {
      return `${sent} MiB sent, then: ${await reply}`;
    }
  }
  return Promise.race([reply, wait(500, `${times} MiB sent, no reply yet`)]);
}

async function sendOrdinaryMail(port: number): Promise<void> {
  const client = await SmtpClient.greet(port);
  for (let round = 0; round < 50; round += 1) expectCode(await client.send(ENVELOPE, lines(4096)), 250);
  const large = lines(64 * MIB);
  for (let round = 0; round < 6; round += 1) expectCode(await client.send(ENVELOPE, large), 250);
  await client.quit();
}

function lines(octets: number): Buffer {
  const line = `${'x'.repeat(74)}\r\n`;
  return Buffer.from(`Subject: large\r\n\r\n${line.repeat(Math.ceil(octets / line.length))}`);
}

function mb(octets: number): string {
  return (octets / MIB).toFixed(0);
}
