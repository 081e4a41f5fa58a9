// Contestants that are a program of ours in a process of its own, which prints its port: the bare responder, and
// smtp-server with a synced file for each message.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CERTIFICATE } from '../../support/certificate.ts';
import type { Contestant, RunningServer } from '../contestant.ts';

export const responder: Contestant = {
  name: 'bare responder',
  jobs: ['accept'],
  syncs: true,
  tls: false,
  version: () => `on Node ${process.versions.node}`,
  start: ({ folder }) => start('responder', folder, [join(folder, 'log')]),
};

export const smtpServer: Contestant = {
  name: 'smtp-server',
  jobs: ['accept'],
  syncs: true,
  version: versionOfSmtpServer,
  start: ({ folder }) =>
    start('synced-smtp-server', folder, [join(folder, 'messages'), CERTIFICATE.cert, CERTIFICATE.key]),
};

function versionOfSmtpServer(): string | undefined {
  try {
    const file = createRequire(import.meta.url).resolve('smtp-server/package.json');
    return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  } catch {
    return undefined;
  }
}

async function start(name: string, folder: string, options: readonly string[]): Promise<RunningServer> {
  mkdirSync(folder, { recursive: true });
  const script = fileURLToPath(new URL(`../programs/${name}.js`, import.meta.url));
  const child = spawn(process.execPath, [script, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const port = Number((await lines.next()).value);
  return {
    port,
    pid: child.pid as number,
    maildir: folder,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
