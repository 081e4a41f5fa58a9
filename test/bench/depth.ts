// npm run bench:depth: does a server with a million waiting items work more slowly than one with a thousand?
//
//   --items A,B         queues to compare (default 1000,100000,1000000); each runs beside the first
//   --repetitions N     runs of each job for each queue (default 3)
//   --seconds N         how long a run takes, roughly (default 2)

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fillQueue } from '../support/fill-queue.ts';
import type { Contestant } from './contestant.ts';
import { posthouse } from './contestants/posthouse.ts';
import { benchDisk } from './journaled-disk.ts';
import { startSink } from './next-hop.ts';
import { median, ratio, table } from './report.ts';
import { SUITES } from './scenario.ts';
import { compare } from './tournament.ts';

const { values } = parseArgs({
  options: {
    items: { type: 'string', default: '1000,100000,1000000' },
    repetitions: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2' },
  },
});

/** What the project promises. */
const LEAST_SHARE = 0.85;
/** The items wait for destinations that are not asked while the bench runs. */
const DAY = 86_400_000;
const DESTINATIONS = 5000;

const name = (items: number): string => `Posthouse with ${items.toLocaleString('en')} items`;

/** The same server with a queue that has been filled before it starts. */
function withQueueOf(items: number): Contestant {
  const bare = posthouse(name(items));
  return {
    ...bare,
    jobs: ['accept', 'relay'],
    async start(arena) {
      console.error(`filling a queue with ${items} items`);
      const transport = arena.job === 'accept' ? 'open-house' : 'deliver-smtp';
      await fillQueue(join(arena.folder, 'queue'), {
        count: items,
        lanes: DESTINATIONS,
        transport,
        dueIn: DAY,
      });
      return bare.start(arena);
    },
  };
}

async function bench(): Promise<void> {
  const sizes = values.items.split(',').map(Number);
  using disk = benchDisk();
  await using sink = await startSink();
  const scenarios = SUITES.guard().filter(({ job }) => job !== 'maildir');
  const rows = await compare(sizes.map(withQueueOf), scenarios, sink, {
    repetitions: Number(values.repetitions),
    seconds: Number(values.seconds),
    folder: disk.folder,
  });
  console.log(`\n${table(rows)}\n`);
  for (const row of rows) {
    const costs = sizes.map((items) => {
      const runs = row.results.find(({ server }) => server === name(items))?.runs ?? [];
      return `${items.toLocaleString('en')}: ${median(runs.map(({ cpu }) => cpu)).toFixed(3)}`;
    });
    console.log(`${row.scenario.job}: CPU-ms a message with ${costs.join(', ')} items`);
    for (const items of sizes.slice(1)) {
      const share = ratio(row, name(items), name(sizes[0] as number)) ?? 0;
      console.log(`${row.scenario.job}: ${name(items)} keeps ${(100 * share).toFixed(0)} % of the rate`);
      if (share < LEAST_SHARE) process.exitCode = 1;
    }
  }
}

await bench();
