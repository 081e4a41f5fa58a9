// Ten thousand clients that hold a connection and say nothing, in one process, while mail goes on.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { accountsOf } from '../bench/process-accounts.ts';
import type { Load, LoadResult } from '../bench/programs/generator.ts';
import { CERTIFICATE } from '../support/certificate.ts';
import type { Behaviour } from '../support/crowd.ts';
import { CrowdProcess } from '../support/crowd-process.ts';
import { acceptDomain, DOMAIN, durableHouse, durableStore } from '../support/durable-house.ts';
import { lacks, missingFiles, missingLinux } from '../support/requirements.ts';
import { ServerProcess, TemporaryFolder } from '../support/server-process.ts';

const IDLE = 10_000;
/** One process of clients holds so many: each has a limit of open files as well. */
const CROWD = 2500;
const IDLE_TLS = 2000;
/** Octets of the server's memory for a connection that says nothing. */
const PLAIN_BOUND = 15 * 1024;
const TLS_BOUND = 60 * 1024;
const ROUNDS = 3;
const MESSAGES = 5000;

const GENERATOR = fileURLToPath(new URL('../bench/programs/generator.js', import.meta.url));
const NOWHERE = fileURLToPath(new URL('../support/deliver-nowhere.js', import.meta.url));

const house = durableHouse({
  listeners: [
    { name: 'mx', host: '127.0.0.1', port: 0, tls: 'none' },
    { name: 'mxs', host: '127.0.0.1', port: 0, tls: 'implicit' },
  ],
  tls: CERTIFICATE,
  deadlines: { command: '10m' },
  plugins: [durableStore(), acceptDomain(), { use: NOWHERE }],
});

test('10,000 idle connections are held by one process, and mail flows at no less than 80 % of its rate', async (t) => {
  if (lacks(t, missingLinux() ?? missingFiles(IDLE + 500))) return;
  using folder = new TemporaryFolder('posthouse-idle');
  await using server = await ServerProcess.start(folder.path, house);
  await using first = await gather(server.port, 50, 10);
  const { now: empty } = server.memory();
  const alone: Rate[] = [];
  const beside: Rate[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await using crowds = new AsyncDisposableStack();
    for (let crowd = 0; crowd < IDLE / CROWD; crowd += 1)
      crowds.use(await gather(server.port, CROWD, 20 * (crowd + 1)));
    if (round === 0) {
      const each = (server.memory().now - empty) / IDLE;
      t.diagnostic(
        `${IDLE} idle connections: ${(each / 1024).toFixed(1)} KiB of the server's memory for each`,
      );
      assert.ok(each < PLAIN_BOUND, `an idle connection takes ${each.toFixed(0)} octets`);
      await rate(server, 3000);
    }
    beside.push(await rate(server, MESSAGES));
    await crowds.disposeAsync();
    alone.push(await rate(server, MESSAGES));
  }
  await first[Symbol.asyncDispose]();
  t.diagnostic(`alone: ${alone.map(told).join('; ')}`);
  t.diagnostic(`beside idle connections: ${beside.map(told).join('; ')}`);
  const median = (rates: readonly Rate[], by: keyof Rate): number =>
    rates.map((each) => each[by]).sort((a, b) => a - b)[(ROUNDS - 1) / 2] as number;
  const share = (by: keyof Rate): number => median(beside, by) / median(alone, by);
  t.diagnostic(
    `the rate beside them is ${percent(share('perSecond'))} of that without, by the processor's time ${percent(share('perProcessorSecond'))}`,
  );
  // The clock tells of everything that the machine does meanwhile, the processor's time of this server alone.
  assert.ok(Math.max(share('perSecond'), share('perProcessorSecond')) >= 0.8);
  await server.stop();
});

test('2,000 idle connections under TLS take a bounded part of memory each', async (t) => {
  if (lacks(t, missingLinux() ?? missingFiles(IDLE_TLS + 500))) return;
  using folder = new TemporaryFolder('posthouse-idle-tls');
  await using server = await ServerProcess.start(folder.path, house);
  await using _first = await gather(server.portOf('mxs'), 50, 10, 'idle-tls');
  const { now: empty } = server.memory();
  await using _crowd = await gather(server.portOf('mxs'), IDLE_TLS, 20, 'idle-tls');
  await wait(1000);
  const each = (server.memory().now - empty) / IDLE_TLS;
  t.diagnostic(
    `${IDLE_TLS} idle TLS connections: ${(each / 1024).toFixed(1)} KiB of the server's memory for each`,
  );
  assert.ok(each < TLS_BOUND, `an idle TLS connection takes ${each.toFixed(0)} octets`);
});

function gather(
  port: number,
  count: number,
  subnet: number,
  behaviour: Behaviour = 'idle',
): Promise<CrowdProcess> {
  return CrowdProcess.gather({ port, count, subnet, behaviour });
}

interface Rate {
  /** Messages. */
  readonly perSecond: number;
  /** Messages for a second of the processor that the server used. */
  readonly perProcessorSecond: number;
}

async function rate(server: ServerProcess, messages: number): Promise<Rate> {
  const load: Load = {
    port: server.port,
    sessions: 20,
    messages,
    size: 4096,
    recipient: `box1@${DOMAIN}`,
    connections: 'kept',
    tls: false,
  };
  const { cpu: before } = accountsOf(server.pid);
  const child = spawn(process.execPath, [GENERATOR, JSON.stringify(load)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (bytes: Buffer) => {
    text += bytes.toString();
  });
  await once(child, 'close');
  const { accepted, seconds } = JSON.parse(text) as LoadResult;
  const { cpu: after } = accountsOf(server.pid);
  return { perSecond: accepted / seconds, perProcessorSecond: accepted / ((after - before) / 1000) };
}

function told({ perSecond, perProcessorSecond }: Rate): string {
  return `${perSecond.toFixed(0)} messages a second, ${perProcessorSecond.toFixed(0)} for a second of the processor`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}
