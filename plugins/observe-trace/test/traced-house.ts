// A house that is traced, with a control socket, and the command that asks it why.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Clock, definePlugin, type Story, Verdict } from '@posthouse/core';
import { Pool, type TransferServices, transfer } from '@posthouse/core/client';
import { type HouseOptions, type OpenHouse, openHouse } from '@posthouse/core/testing';
import observeTrace from '../src/index.ts';

const CORE = dirname(fileURLToPath(import.meta.resolve('@posthouse/core/package.json')));
const CLI = join(CORE, 'dist/src/cli/main.js');

export interface TracedHouse extends AsyncDisposable {
  readonly house: OpenHouse;
  /** What `posthouse why` says. */
  why(
    word: string,
    ...options: string[]
  ): Promise<{ readonly code: number | null; readonly out: string; readonly said: string }>;
  /** Holds a dialogue from `C: MAIL` on, to its last line. */
  send(...lines: string[]): Promise<void>;
  /** Waits until so many attempts have ended. */
  attempts(count: number): Promise<void>;
  stories(word: string): Promise<readonly Story[]>;
}

export const accepts = definePlugin({
  name: 'accepts',
  setup: () => ({
    hooks: {
      'on-rcpt': ({ recipient }) => (recipient.domain === 'stranger.example' ? undefined : Verdict.accept()),
    },
  }),
});

/** Speaks SMTP with one next hop, on a port of this machine. */
export const toHop = (port: number, tls: 'none' | 'encrypt' = 'none') =>
  definePlugin({
    name: 'to-hop',
    needs: { clock: Clock },
    setup({ clock, log }) {
      const settings = {
        helo: 'house.example',
        protocol: 'smtp',
        tls,
        connectTimeout: 5000,
        greetingTimeout: 5000,
        mailTimeout: 5000,
        rcptTimeout: 5000,
        dataTimeout: 5000,
        blockTimeout: 5000,
        finalTimeout: 5000,
        idleTimeout: 1000,
        messagesPerConnection: 1,
      } as const;
      const pool = new Pool(settings, clock);
      const services: TransferServices = { settings, pool, log };
      const targets = [{ host: 'hop.example', address: '127.0.0.1', port }];
      return {
        hooks: {
          'on-deliver': {
            claim: ({ domain }) => (domain === 'house.example' ? undefined : domain),
            deliver: (delivery) => transfer(delivery, services, () => ({ targets })),
          },
        },
        start: () => pool.start(),
        stop: () => pool.stop(),
      };
    },
  })();

export async function tracedHouse(
  plugins: HouseOptions['plugins'],
  options: Partial<HouseOptions> = {},
): Promise<TracedHouse> {
  const folder = mkdtempSync(join(tmpdir(), 'observe-trace-'));
  const socket = join(folder, 'control.sock');
  const house = await openHouse({
    ...options,
    control: { socket },
    plugins: [observeTrace({ path: join(folder, 'trace') }), ...plugins],
  });
  return {
    house,
    why: (word, ...more) => posthouse('why', word, '--socket', socket, ...more),
    async send(...lines) {
      await house.talk(['S: 220 *', 'C: HELO client.example', 'S: 250 *', ...lines].join('\n'));
    },
    async attempts(count) {
      while (house.events('attempt-finished').length < count) {
        await house.clock.advance(1);
        await turn();
      }
    },
    stories: (word) => house.server.house.trace?.find(word, 10) ?? Promise.resolve([]),
    async [Symbol.asyncDispose]() {
      await house.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

export function posthouse(
  ...given: string[]
): Promise<{ readonly code: number | null; readonly out: string; readonly said: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CLI, ...given], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out, said }));
  });
}

/** One message from ann@client.example, as a client sends it. */
export function mail(recipient: string, final = 'S: 250 *'): string[] {
  return [
    'C: MAIL FROM:<ann@client.example>',
    'S: 250 *',
    `C: RCPT TO:<${recipient}>`,
    'S: 250 *',
    'C: DATA',
    'S: 354 *',
    'C: Subject: hello',
    'C:',
    'C: Hi',
    'C: .',
    final,
  ];
}
