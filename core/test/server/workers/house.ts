// A server with receiving workers for tests: a configuration in a folder, a plugin written beside it, real sockets.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Events } from '../../../src/contract/index.ts';
import { loadConfiguration } from '../../../src/server/configuration/index.ts';
import { createServer } from '../../../src/server/server.ts';
import { recordingLogger } from '../../../src/testing/recording-logger.ts';
import { Client } from '../../reception/sockets.ts';

/** What a test asks of its server by recipients, and what it does in each thread; `config.word` is what a reload changes. */
const PLUGIN = `
import { threadId } from 'node:worker_threads';
let running = 0;
const say = (text) => ({ kind: 'reject', status: '5.1.1', text, reason: 'said' });
const token = (name) => Symbol.for('posthouse/' + name);
export default {
  plugin: {
    name: 'accept-and-tell',
    config: { type: 'object', properties: { word: { type: 'string' }, fail: { type: 'boolean' } } },
    needs: { counters: token('Counters') },
    provides: { authenticator: token('Authenticator') },
    setup: ({ config, counters, log }) => ({
      services: { authenticator: { verifyPassword: () => ({ refused: 'wrong-password' }) } },
      start() {
        if (config.fail && threadId !== 0) throw new Error('it fails in workers');
        if (config.fail === undefined) log.info({ thread: threadId, word: config.word }, 'started');
      },
      stop: () => log.info({ thread: threadId, word: config.word }, 'stopped'),
      hooks: {
        async 'on-rcpt'({ recipient: { local } }) {
          if (local === 'thread') return say('thread ' + threadId);
          if (local === 'word') return say('word ' + config.word);
          if (local === 'throw') setImmediate(() => { throw new Error('a bug in a plugin'); });
          if (local === 'rejection') void Promise.reject(new Error('nobody waits for it'));
          if (local === 'exit') process.exit(3);
          if (local === 'counted') {
            const overrun = await counters.take([{ key: 'test', amount: 1, most: 5, window: 3600000 }]);
            return say(overrun === undefined ? 'counted' : 'too many');
          }
          return { kind: 'accept' };
        },
        async 'on-data'({ message, edits, recipients }) {
          let size = 0;
          for await (const bytes of message.open()) size += bytes.length;
          edits.prependHeader('X-Size', String(size));
          if (recipients[0].local === 'rewritten') edits.replaceHeader('Subject', 'new');
          return undefined;
        },
        'on-deliver': {
          claim: () => 'here',
          async deliver({ message }) {
            running += 1;
            let size = 0;
            for await (const bytes of message.open()) size += bytes.length;
            // Longer than a turn, so that others would begin meanwhile.
            if (config.word === 'slowly') await new Promise((then) => setTimeout(then, 20));
            log.info({ thread: threadId, size, stated: message.size, running }, 'delivered');
            running -= 1;
            return { kind: 'delivered', text: 'here' };
          },
        },
      },
    }),
  },
};
`;

export interface WorkersHouse {
  readonly server: ReturnType<typeof createServer>;
  /** Rewrites the file, and has it read again. */
  reload(changes: Readonly<Record<string, unknown>>): Promise<Events['configuration-reloaded']>;
  /** A client who has heard the banner. @param from whom the proxy in front speaks for */
  client(from?: string): Promise<Client>;
  /** undefined: it was refused. */
  admitted(from: string): Promise<Client | undefined>;
  /** A client of each worker, by what its thread is called. */
  ofEachWorker(workers?: number): Promise<ReadonlyMap<string, Client>>;
  told(text: string): readonly Readonly<Record<string, unknown>>[];
  /** Resolves when it has been told so often. */
  until(text: string, times?: number): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

export async function workersHouse(
  context: TestContext,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<WorkersHouse> {
  const folder = mkdtempSync(join(tmpdir(), 'posthouse-workers-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'plugin.mjs'), PLUGIN);
  const file = join(folder, 'posthouse.yaml');
  const write = (given: Readonly<Record<string, unknown>>): void => {
    const { word = 'first', fail, ...sections } = given;
    writeFileSync(
      file,
      JSON.stringify({
        hostname: 'workers.example',
        listeners: [
          {
            name: 'mx',
            host: '127.0.0.1',
            port: 0,
            proxy: ['127.0.0.1'],
            auth: 'offered',
            authWithoutTls: true,
          },
        ],
        workers: 2,
        control: false,
        ...sections,
        plugins: [
          { use: '@posthouse/core/store-memory' },
          { use: './plugin.mjs', config: { word, ...(fail !== undefined && { fail }) } },
        ],
      }),
    );
  };
  write(changes);
  const log = recordingLogger();
  const server = createServer(await loadConfiguration(file), { logger: log });
  const sockets: Socket[] = [];
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    return server.stop();
  });
  await server.start();
  const told = (text: string) =>
    log.lines.filter((line) => line.text === text).map(({ fields }) => fields as never);

  const admitted = async (from: string): Promise<Client | undefined> => {
    const [address] = server.addresses;
    const socket = connect(address?.port ?? 0, '127.0.0.1');
    socket.on('error', () => {});
    sockets.push(socket);
    const one = new Client(socket);
    socket.write(`PROXY TCP4 ${from} 198.51.100.1 40000 25\r\n`);
    const greeting = await one.hears(/^(220|421)[^\n]*\n/);
    return greeting.startsWith('220') ? one : undefined;
  };
  const client = async (from = '192.0.2.1'): Promise<Client> => {
    const one = await admitted(from);
    if (one === undefined) throw new Error('the server has refused the client');
    return one;
  };
  return {
    server,
    client,
    admitted,
    told,
    async until(text, times = 1) {
      const deadline = Date.now() + 60_000;
      while (told(text).length < times) {
        if (Date.now() > deadline) throw new Error(`${text} was told ${told(text).length} times`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return told(text);
    },
    async reload(given) {
      write({ ...changes, ...given });
      return server.reload();
    },
    async ofEachWorker(workers = 2) {
      const found = new Map<string, Client>();
      // The system chooses by the client's port: hardly ever sixty-four times the same.
      for (let tries = 0; tries < 64 && found.size < workers; tries++) {
        const one = await client(`203.0.113.${tries}`);
        const thread = await asks(one, 'thread');
        if (found.has(thread)) one.socket.destroy();
        else found.set(thread, one);
      }
      return found;
    },
  };
}

/** What the plugin of the house says to a recipient, in a transaction of its own. */
export async function asks(client: Client, local: string): Promise<string> {
  client.say('RSET', 'EHLO c.example', 'MAIL FROM:<a@c.example>', `RCPT TO:<${local}@x.example>`);
  const said = await client.hears(/55\d 5\.1\.1 ([^\n]*)\r\n/);
  return /5\.1\.1 ([^\r]*)\r\n$/.exec(said)?.[1] ?? '';
}

/** Sends a message and waits for the reply to it. */
export async function sends(client: Client, local: string, octets: number): Promise<string> {
  client.say('RSET', 'EHLO c.example', 'MAIL FROM:<a@c.example>', `RCPT TO:<${local}@x.example>`, 'DATA');
  await client.hears(/354[^\n]*\n/);
  const line = 'x'.repeat(70);
  const lines = Array.from({ length: Math.floor(octets / 72) }, () => line);
  client.say('Subject: old', '', ...lines, '.');
  return client.hears(/(250|4\d\d|5\d\d) [^\n]*\n/);
}
