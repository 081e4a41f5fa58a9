// Every example starts from its own posthouse.yaml and does what its README says, with the README's own curl command.

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { lacks, missingProgram } from '../support/requirements.ts';
import { type Configuration, type LogLine, ROOT, ServerProcess } from '../support/server-process.ts';
import { mailIn } from './maildir.ts';
import { run } from './programs.ts';

const EXAMPLES = join(ROOT, 'examples');

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

for (const [name, promised] of Object.entries(promises)) {
  test(`example ${name} does what its README says`, async (t) => {
    if (lacks(t, missingProgram('curl', '--version'))) return;
    // Beside the others, so that packages are found as from the example itself.
    const folder = mkdtempSync(join(EXAMPLES, '.run-'));
    try {
      cpSync(join(EXAMPLES, name), folder, {
        recursive: true,
        filter: (path) => !/[\\/](var|node_modules)$/.test(path),
      });
      const configuration = parse(readFileSync(join(folder, 'posthouse.yaml'), 'utf8')) as Configuration;
      const listeners = [{ name: 'mx', host: '127.0.0.1', port: 0 }];
      await using server = await ServerProcess.start(folder, { ...configuration, listeners });
      const readme = readFileSync(join(folder, 'README.md'), 'utf8');
      const command =
        /^curl (.*)$/m.exec(readme)?.[1]?.replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${server.port}`) ?? '';
      const args = command.replace('README.md', join(folder, 'README.md')).split(' ');
      const { status, output } = await run('curl', args);
      assert.equal(status, promised.curl, output);
      if (promised.says) await server.until(promised.says);
      if (promised.mailbox) assert.equal((await mailIn(join(folder, promised.mailbox), 1)).length, 1);
      await server.stop();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
