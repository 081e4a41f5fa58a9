// Posthouse under test: the real command line in a process of its own, log lines to a file, as it would run.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CERTIFICATE } from '../../support/certificate.ts';
import { type Arena, type Contestant, JOBS, type Job, type RunningServer } from '../contestant.ts';

const main = fileURLToPath(
  import.meta.resolve('@posthouse/core/package.json').replace('package.json', 'dist/src/cli/main.js'),
);
const program = (name: string): string => fileURLToPath(new URL(`../programs/${name}.js`, import.meta.url));

const TRANSPORTS: Readonly<Record<Job, (nextHop: number) => readonly object[]>> = {
  accept: () => [],
  relay: (nextHop) => [{ use: '@posthouse/deliver-smtp', config: { smarthost: `[127.0.0.1]:${nextHop}` } }],
  maildir: () => [
    {
      use: '@posthouse/deliver-maildir',
      config: { domains: ['posthouse.test'], path: './mail/{local}' },
    },
  ],
};

/** @param checks plugins that stand before the one that opens the house */
export function posthouse(name: string, checks: readonly object[] = []): Contestant {
  return {
    name,
    jobs: JOBS,
    syncs: true,
    version: () => `on Node ${process.versions.node}`,
    start: (arena) => start(arena, checks),
  };
}

export const twelvePlugins: readonly object[] = Array.from({ length: 12 }, (_, index) => ({
  use: program('trivial-plugin'),
  name: `trivial-${index}`,
  config: { word: `word-${index}` },
}));

async function start({ folder, job, nextHop }: Arena, checks: readonly object[]): Promise<RunningServer> {
  const definition = {
    hostname: 'bench.posthouse.test',
    listeners: [{ name: 'mx', host: '127.0.0.1', port: 0 }],
    tls: CERTIFICATE,
    limits: { connections: 20_000, connectionsPerAddress: 20_000 },
    control: false,
    plugins: [...checks, ...storeAndOpenHouse(job === 'accept'), ...TRANSPORTS[job](nextHop)],
  };
  return startConfigured(folder, definition);
}

/** What every server of the bench needs. @param discard carries all mail to nowhere */
export function storeAndOpenHouse(discard: boolean): readonly object[] {
  return [
    { use: '@posthouse/store-sqlite', config: { path: './queue' } },
    { use: program('open-house'), config: { discard } },
  ];
}

/** @param definition the configuration, whose paths are seen from the folder */
export async function startConfigured(folder: string, definition: object): Promise<RunningServer> {
  mkdirSync(folder, { recursive: true });
  const configuration = join(folder, 'posthouse.yaml');
  // JSON is YAML too.
  writeFileSync(configuration, JSON.stringify(definition, undefined, 2));
  const log = join(folder, 'log');
  const output = openSync(log, 'w');
  const child = spawn(process.execPath, [main, 'start', '--config', configuration], {
    stdio: ['ignore', output, output],
  });
  const exited = once(child, 'exit');
  const port = await portFrom(log, () => child.exitCode !== null);
  return {
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
  for (let tries = 0; tries < 1200; tries++) {
    const text = readFileSync(log, 'utf8');
    const line = text.split('\n').find((each) => each.includes('"msg":"server-started"'));
    if (line !== undefined) {
      const { listeners } = JSON.parse(line) as { listeners: { port: number }[] };
      return (listeners[0] as { port: number }).port;
    }
    if (ended()) throw new Error(`Posthouse did not start:\n${text}`);
    await wait(50);
  }
  throw new Error('Posthouse did not start within a minute');
}
