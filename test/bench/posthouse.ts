// Posthouse under test: the real command line in a process of its own, log lines to a file, as it would run.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Arena, Contestant } from './contestant.ts';

const main = fileURLToPath(
  import.meta.resolve('@posthouse/core/package.json').replace('package.json', 'dist/src/cli/main.js'),
);
const openHouse = fileURLToPath(new URL('./open-house.js', import.meta.url));

export async function startPosthouse({ folder, job, nextHop }: Arena): Promise<Contestant> {
  const transport = {
    accept: '',
    relay: `  - use: '@posthouse/deliver-smtp'\n    config: { smarthost: '[127.0.0.1]:${nextHop}' }\n`,
    maildir: `  - use: '@posthouse/deliver-maildir'\n    config: { domains: [posthouse.test], path: './mail/{local}' }\n`,
  }[job];
  return startConfigured(
    'Posthouse',
    folder,
    `hostname: bench.posthouse.test
listeners: [{ name: mx, host: 127.0.0.1, port: 0 }]
control: false
plugins:
${storeAndOpenHouse(job === 'accept')}${transport}`,
  );
}

/** The entries that every server of the bench begins with. @param discard carries all mail to nowhere */
export function storeAndOpenHouse(discard: boolean): string {
  return `  - use: '@posthouse/store-sqlite'
    config: { path: ./queue }
  - use: ${openHouse}
    config: { discard: ${discard} }
`;
}

/** @param yaml the configuration, whose paths are seen from the folder */
export async function startConfigured(name: string, folder: string, yaml: string): Promise<Contestant> {
  mkdirSync(folder, { recursive: true });
  const configuration = join(folder, 'posthouse.yaml');
  writeFileSync(configuration, yaml);
  const log = join(folder, 'log');
  const output = openSync(log, 'w');
  const child = spawn(process.execPath, [main, 'start', '--config', configuration], {
    stdio: ['ignore', output, output],
  });
  const exited = once(child, 'exit');
  const port = await portFrom(log, () => child.exitCode !== null);
  return {
    name,
    port,
    pid: child.pid as number,
    maildir: join(folder, 'mail', 'box', 'new'),
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

async function portFrom(log: string, ended: () => boolean): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    const text = readFileSync(log, 'utf8');
    const line = text.split('\n').find((each) => each.includes('"msg":"server-started"'));
    if (line !== undefined) {
      const { listeners } = JSON.parse(line) as { listeners: { port: number }[] };
      return (listeners[0] as { port: number }).port;
    }
    if (ended()) throw new Error(`Posthouse did not start:\n${text}`);
    await wait(50);
  }
  throw new Error('Posthouse did not start within ten seconds');
}
