// Every example starts from its own posthouse.yaml and does what its README says, with the README's own curl command.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { lacks, missingProgram } from '../support/requirements.ts';
import { type Configuration, type LogLine, ROOT, ServerProcess } from '../support/server-process.ts';
import { serveHop } from '../support/small-hop.ts';
import { mailIn } from './maildir.ts';
import { run } from './programs.ts';

const EXAMPLES = join(ROOT, 'examples');
const CLI = join(ROOT, 'core/dist/src/cli/main.js');

interface ExamplePromise {
  /** What curl ends with. */
  readonly curl: number;
  /** What the log then says. */
  readonly says?: (line: LogLine) => boolean;
  /** Where the message then lies. */
  readonly mailbox?: string;
}

const promises: Readonly<Record<string, ExamplePromise>> = {
  '01-closed-door': { curl: 55, says: ({ reason }) => reason === 'relaying-denied' },
  '02-sink': { curl: 0, says: ({ msg }) => msg === 'message swallowed' },
  '03-local-mailboxes': { curl: 0, mailbox: 'var/mail/posthouse.test/anna' },
  '04-backup-relay': {
    curl: 0,
    says: ({ msg, recipient }) => msg === 'recipient-settled' && recipient === 'anna@posthouse.test',
  },
  '05-your-own-plugin': { curl: 0, mailbox: 'var/mail/posthouse.test/anna' },
};

/** A copy of an example, beside the others so that packages are found as from the example itself. */
class ExampleCopy implements Disposable {
  readonly folder = mkdtempSync(join(EXAMPLES, '.run-'));
  readonly configuration: Configuration;
  readonly #name: string;
  readonly #readme: string;

  constructor(name: string) {
    this.#name = name;
    cpSync(join(EXAMPLES, name), this.folder, {
      recursive: true,
      filter: (path) => !/[\\/](var|node_modules)$/.test(path),
    });
    this.configuration = parse(readFileSync(join(this.folder, 'posthouse.yaml'), 'utf8')) as Configuration;
    this.#readme = readFileSync(join(this.folder, 'README.md'), 'utf8');
  }

  /** The README's own curl command, sent to the port. */
  curl(port: number): ReturnType<typeof run> {
    const command = /^curl (.*)$/m.exec(this.#readme)?.[1] ?? '';
    const args = command
      .replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${port}`)
      .replace(/(?<=--upload-file )\S+/, (file) => join(this.folder, file));
    return run('curl', args.split(' '));
  }

  /** The README's commands that prepare the server, in their order: `npx posthouse …`, or `echo … | npx posthouse …`. */
  async prepare(): Promise<void> {
    for (const [, input = '', args = ''] of this.#readme.matchAll(
      /^(?:echo (.*) \| )?npx posthouse (.*)$/gm,
    )) {
      const words = args.replaceAll(`examples/${this.#name}`, this.folder).split(' ');
      const { status, output } = await run(process.execPath, [CLI, ...words], `${input}\n`);
      assert.equal(status, 0, output);
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

for (const [name, promised] of Object.entries(promises)) {
  test(`example ${name} does what its README says`, async (t) => {
    if (lacks(t, missingProgram('curl', '--version'))) return;
    using example = new ExampleCopy(name);
    const listeners = [{ name: 'mx', host: '127.0.0.1', port: 0 }];
    await using server = await ServerProcess.start(example.folder, { ...example.configuration, listeners });
    const { status, output } = await example.curl(server.port);
    assert.equal(status, promised.curl, output);
    if (promised.says) await server.until(promised.says);
    if (promised.mailbox) assert.equal((await mailIn(join(example.folder, promised.mailbox), 1)).length, 1);
    await server.stop();
  });
}

test('example 06-submission does what its README says: a user hands in mail, and the smarthost gets it signed', async (t) => {
  if (lacks(t, missingProgram('curl', '--version'))) return;
  using example = new ExampleCopy('06-submission');
  await example.prepare();
  await using smarthost = await Smarthost.listen();
  const { listeners = [], plugins } = example.configuration;
  await using server = await ServerProcess.start(example.folder, {
    ...example.configuration,
    listeners: listeners.map((listener) => ({ ...listener, port: 0 })),
    plugins: JSON.parse(JSON.stringify(plugins).replace('[127.0.0.1]:2525', `[127.0.0.1]:${smarthost.port}`)),
  });
  const { status, output } = await example.curl(server.portOf('submission'));
  assert.equal(status, 0, output);
  const message = (await smarthost.message).toString('latin1');
  assert.match(message, /^DKIM-Signature: [^:]*d=posthouse\.test;[^:]*s=example;/m);
  assert.match(message, /^Date: /m);
  assert.match(message, /^Message-ID: </im);
  assert.match(message, /^Received: from client\.example .*\r\n\tby \S+ with ESMTPSA /m);
  assert.match(message, /\r\n\r\nIt works\.\r\n$/);
  await server.stop();
});

test('example 06-submission takes nothing without a login, nor under another address', async (t) => {
  if (lacks(t, missingProgram('curl', '--version'))) return;
  using example = new ExampleCopy('06-submission');
  await example.prepare();
  const { listeners = [] } = example.configuration;
  await using server = await ServerProcess.start(example.folder, {
    ...example.configuration,
    listeners: listeners.map((listener) => ({ ...listener, port: 0 })),
  });
  const curl = (...args: readonly string[]): ReturnType<typeof run> =>
    run('curl', [
      ...['--silent', '--show-error', '--verbose', '--insecure', '--mail-rcpt', 'anna@posthouse.test'],
      ...['--upload-file', join(example.folder, 'message.txt'), '--crlf'],
      `smtp://127.0.0.1:${server.portOf('submission')}/client.example`,
      ...args,
    ]);
  const sender = ['--mail-from', 'ann@posthouse.test'];
  const user = ['--ssl-reqd', '--user', 'ann@posthouse.test:pencil'];
  assert.match((await curl(...sender)).output, /< 530 5\.7\.0 Must issue a STARTTLS command first/);
  assert.match((await curl('--ssl-reqd', ...sender)).output, /< 530 5\.7\.0 Authentication required/);
  assert.match((await curl('--mail-from', 'bob@posthouse.test', ...user)).output, /< 550 5\.7\.1 /);
  assert.match(
    (await curl(...sender, '--ssl-reqd', '--user', 'ann@posthouse.test:wrong')).output,
    /< 535 5\.7\.8 /,
  );
  await server.stop();
});

/** Takes one message and keeps it. */
class Smarthost implements AsyncDisposable {
  readonly message: Promise<Buffer>;
  readonly #server = createServer();

  private constructor() {
    this.message = new Promise((resolve) => {
      this.#server.on('connection', (socket) =>
        serveHop(socket, (message, answer) => {
          resolve(message);
          answer();
        }),
      );
    });
  }

  static async listen(): Promise<Smarthost> {
    const smarthost = new Smarthost();
    await once(smarthost.#server.listen(0, '127.0.0.1'), 'listening');
    return smarthost;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
  }
}
