// start --watch as a plugin's author meets it: a real server, real saves, and clients that notice nothing.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Workshop, workshop } from '../server/configuration/workshop.ts';
import { MAIN } from './posthouse.ts';

/** What a save may take until clients see it, milliseconds. */
const SECOND = 1000;

/** Milliseconds that a server may be silent, on a machine that is busy with other things. */
const PATIENCE = 30_000;

const ENTRY = `import { WORD } from './word.ts';
const setup = () => ({ hooks: { 'on-mail-from': () => ({ kind: 'reject', status: '5.7.1', code: 550, text: WORD }) } });
export default Object.assign(() => {}, { plugin: { name: 'check-word', setup } });
`;
const configuration = (use = './check-word/index.ts', more = '') =>
  `hostname: mx.example.org
listeners: [{ name: mx, host: 127.0.0.1, port: 0 }]
plugins:
  - use: "@posthouse/core/store-memory"
  - use: ${use}
${more}`;
const word = (text: string) => `export const WORD: string = '${text}';\n`;

function folder(context: TestContext): Workshop {
  const shop = workshop(context);
  shop.write('check-word/package.json', '{ "type": "module" }\n');
  shop.write('check-word/index.ts', ENTRY);
  shop.write('check-word/word.ts', word('first'));
  shop.write('posthouse.yaml', configuration());
  return shop;
}

async function watching(context: TestContext, { folder: cwd }: Workshop) {
  const child = spawn(process.execPath, [MAIN, 'start', '--watch'], {
    cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  context.after(async () => {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'close');
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  /** Takes what matches, and whatever was said before it, off. */
  const hear = async (expected: RegExp): Promise<string> => {
    for (;;) {
      const found = expected.exec(said);
      if (found !== null) {
        said = said.slice(found.index + found[0].length);
        return found[0];
      }
      await once(child.stderr, 'data', { signal: AbortSignal.timeout(PATIENCE) }).catch(() =>
        assert.fail(`never: ${expected.source}; but:\n${said}`),
      );
    }
  };
  const listens = await hear(/listens {2}mx on 127\.0\.0\.1:\d+/);
  const watches = await hear(/watches .*\n/);
  return { port: Number(/\d+$/.exec(listens)?.[0]), watches, hear };
}

class Client {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Greeted. Rejects when the connection is refused. */
  static async at(port: number): Promise<Client> {
    const socket = connect(port, '127.0.0.1').setEncoding('utf8');
    await once(socket, 'data');
    const client = new Client(socket);
    await client.say('HELO client.example');
    return client;
  }

  async say(line: string): Promise<string> {
    this.#socket.write(`${line}\r\n`);
    const [heard] = (await once(this.#socket, 'data')) as [string];
    return heard.trim();
  }

  end(): void {
    this.#socket.destroy();
  }
}

/** What a new client hears. */
async function heardAt(port: number): Promise<string> {
  const client = await Client.at(port);
  const heard = await client.say('MAIL FROM:<ann@client.example>');
  client.end();
  return heard;
}

/** Asks as new clients until one hears it. @returns milliseconds. Rejects when one of them is refused. */
async function untilHeard(port: number, expected: string, since: number): Promise<number> {
  while ((await heardAt(port)) !== expected)
    assert.ok(performance.now() - since < PATIENCE, `never: ${expected}`);
  return performance.now() - since;
}

test('a save of a module that the plugin imports is in force within a second; who is here keeps the plan of before', {
  timeout: 120_000,
}, async (context) => {
  const shop = folder(context);
  const { port, watches, hear } = await watching(context, shop);
  assert.match(watches, /watches {2}posthouse\.yaml, check-word\/index\.ts, check-word\/word\.ts\n/);
  const old = await Client.at(port);
  assert.equal(await old.say('MAIL FROM:<ann@client.example>'), '550 5.7.1 first');

  // Other work on the machine is not ours: the quickest of some saves counts.
  const times: number[] = [];
  for (let save = 1; save <= 8 && (save <= 2 || Math.min(...times) >= SECOND); save++) {
    const saved = performance.now();
    shop.write('check-word/word.ts', word(`word ${save}`));
    times.push(await untilHeard(port, `550 5.7.1 word ${save}`, saved));
    await hear(/check-word\/word\.ts saved: check-word set up anew \(\d+ ms\)\n/);
  }
  context.diagnostic(`in force after ${times.map(Math.round).join(', ')} ms`);
  assert.ok(Math.min(...times) < SECOND, `in force after ${times.join(', ')} ms`);
  assert.equal(await old.say('MAIL FROM:<ann@client.example>'), '550 5.7.1 first');
  old.end();
});

test('a save with a mistake is told with its place and changes nothing, and the next one mends it', {
  timeout: 120_000,
}, async (context) => {
  const shop = folder(context);
  const { port, hear } = await watching(context, shop);
  const mistakes: readonly (readonly [string, string, RegExp])[] = [
    ['check-word/word.ts', "export const WORD: string = 'x'];\n", /check-word\/word\.ts:1:32 Expected/],
    [
      'check-word/word.ts',
      'export const W = 1;\n',
      /check-word\/index\.ts:1:10 The requested module '\.\/word\.ts'/,
    ],
    [
      'check-word/index.ts',
      "import './words.ts';\n",
      /Cannot find module '.*check-word\/words\.ts' imported from/,
    ],
    [
      'check-word/index.ts',
      ENTRY.replace('=> ({ hooks', '=> (undefined.x, { hooks'),
      /plugin check-word failed in its set-up: .*check-word\/index\.ts:2:\d+ TypeError: Cannot read/,
    ],
    [
      'check-word/index.ts',
      ENTRY.replace('on-mail-from', 'on-mail-form'),
      /on-mail-form.*; did you mean on-mail-from\?/,
    ],
    [
      'posthouse.yaml',
      configuration().replace('hostname', 'hostnam'),
      /posthouse\.yaml:1:1 hostnam is unknown; did you mean hostname\?/,
    ],
    [
      'posthouse.yaml',
      configuration().replace('mx.example', 'mx.elsewhere'),
      /hostname cannot change while the server runs: restart it/,
    ],
  ];
  for (const [file, text, expected] of mistakes) {
    shop.write(file, text);
    await hear(new RegExp(`${file} saved, and cannot be used:\n(?: {2}.*\n)*? {2}.*${expected.source}`));
    await hear(/The server goes on as it was, and looks at the next save\.\n/);
    assert.equal(await heardAt(port), '550 5.7.1 first');
    if (file === 'check-word/index.ts') shop.write(file, ENTRY);
    else if (file === 'posthouse.yaml') shop.write(file, configuration());
    else shop.write(file, word('first'));
    await hear(/ saved: .*\(\d+ ms\)\n/);
  }
  // What was missing comes: that alone is a reason to look again.
  shop.write('check-word/index.ts', ENTRY.replace('word.ts', 'words.ts'));
  await hear(/cannot be used/);
  shop.write('check-word/words.ts', word('here at last'));
  await hear(/check-word\/words\.ts saved: check-word set up anew/);
  assert.equal(await heardAt(port), '550 5.7.1 here at last');
});

test('a plugin in a workspace is watched, CommonJS too, but nothing below node_modules; the configuration is', {
  timeout: 120_000,
}, async (context) => {
  const shop = folder(context);
  const plugin = (name: string) =>
    `const { WORD } = require('./word.cjs');\nmodule.exports = { plugin: { name: '${name}', setup: () => ({ hooks: { 'on-mail-from': () => ({ kind: 'reject', status: '5.7.1', code: 550, text: WORD }) } }) } };\n`;
  const part = (text: string) => `exports.WORD = '${text}';\n`;
  const manifest = (name: string) => `{ "name": "${name}", "main": "index.cjs" }\n`;
  for (const [at, name] of [
    ['packages/check-near', 'check-near'],
    ['node_modules/check-far', 'check-far'],
  ] as const) {
    shop.write(`${at}/package.json`, manifest(name));
    shop.write(`${at}/index.cjs`, plugin(name));
    shop.write(`${at}/word.cjs`, part('first'));
  }
  mkdirSync(join(shop.folder, 'node_modules'), { recursive: true });
  symlinkSync('../packages/check-near', join(shop.folder, 'node_modules/check-near'));
  shop.write('posthouse.yaml', configuration('check-near', '  - use: check-far\n'));
  const { port, watches, hear } = await watching(context, shop);
  assert.match(watches, /packages\/check-near\/index\.cjs/);
  assert.doesNotMatch(watches, /check-far/);
  shop.write('packages/check-near/word.cjs', part('second'));
  await hear(/word\.cjs saved: check-near set up anew/);
  assert.equal(await heardAt(port), '550 5.7.1 second');

  shop.write('posthouse.yaml', configuration('./check-word/index.ts', '  - use: check-far\n'));
  await hear(/posthouse\.yaml saved: check-word set up anew; check-near gone/);
  assert.equal(await heardAt(port), '550 5.7.1 first');
  rmSync(join(shop.folder, 'check-word/word.ts'));
  await hear(/word\.ts saved, and cannot be used:\n {2}.*Cannot find module/);
  assert.equal(await heardAt(port), '550 5.7.1 first');
});

test('--watch wants one thread, and says so', { timeout: 120_000 }, async (context) => {
  const shop = folder(context);
  shop.write('posthouse.yaml', configuration(undefined, 'workers: 2\n'));
  const child = spawn(process.execPath, [MAIN, 'start', '--watch'], {
    cwd: shop.folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [said] = (await once(child.stderr.setEncoding('utf8'), 'data')) as [string];
  assert.match(said, /--watch is for one thread: set workers: 1 in posthouse\.yaml/);
  const [code] = (await once(child, 'close')) as [number];
  assert.equal(code, 2);
});
