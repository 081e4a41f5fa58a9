// Haraka under test, from the folder that POSTHOUSE_HARAKA names (README.md says how to fill it), with a process for each
// processor as its documentation advises. For the job `accept` its deliveries are off, which is less work than the others
// have.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { answers } from '../../support/answers.ts';
import { CERTIFICATE } from '../../support/certificate.ts';
import { freePort } from '../../support/free-port.ts';
import type { Arena, Contestant, RunningServer } from '../contestant.ts';

const HOME = join(process.env.POSTHOUSE_HARAKA ?? '/nowhere', 'node_modules', 'Haraka');

export const haraka: Contestant = {
  name: 'Haraka',
  jobs: ['accept', 'relay'],
  syncs: false,
  version() {
    try {
      return (JSON.parse(readFileSync(join(HOME, 'package.json'), 'utf8')) as { version: string }).version;
    } catch {
      return undefined;
    }
  },
  start,
};

async function start({ folder, job, nextHop }: Arena): Promise<RunningServer> {
  const port = await freePort();
  for (const name of ['config', 'plugins', 'queue']) mkdirSync(join(folder, name), { recursive: true });
  const files: Readonly<Record<string, string>> = {
    'config/smtp.ini': `listen=127.0.0.1:${port}\nnodes=cpus\n`,
    'config/me': 'bench.posthouse.test\n',
    'config/log.ini': '[main]\nlevel=error\n',
    'config/plugins': 'tls\nbench\n',
    'config/outbound.ini': `disabled=${job === 'accept'}\nenable_tls=false\nconcurrency_max=100\n`,
    'plugins/bench.js': plugin(nextHop),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  copyFileSync(join(HOME, 'config/connection.ini'), join(folder, 'config/connection.ini'));
  // It would make its own while it is measured, which takes a processor for minutes.
  execFileSync('openssl', ['dhparam', '-dsaparam', '-out', join(folder, 'config/dhparams.pem'), '2048'], {
    stdio: 'ignore',
  });
  copyFileSync(CERTIFICATE.cert, join(folder, 'config/tls_cert.pem'));
  copyFileSync(CERTIFICATE.key, join(folder, 'config/tls_key.pem'));
  const output = openSync(join(folder, 'log'), 'w');
  const child = spawn(process.execPath, [join(HOME, 'bin/haraka'), '-c', folder], {
    stdio: ['ignore', output, output],
  });
  const exited = once(child, 'exit');
  for (let tries = 0; !(await answers(port)); tries++) {
    if (child.exitCode !== null || tries > 200)
      throw new Error(`Haraka did not start:\n${readFileSync(join(folder, 'log'), 'utf8')}`);
    await wait(50);
  }
  return {
    port,
    pid: child.pid as number,
    maildir: folder,
    async stop() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function plugin(nextHop: number): string {
  return `exports.hook_rcpt = (next, connection) => {
  connection.relaying = true;
  next(OK);
};
exports.hook_get_mx = (next) => next(OK, { priority: 0, exchange: '127.0.0.1', port: ${nextHop} });
`;
}
