// The figures as a table for people: medians, spreads, and each server's rate as a multiple of Postfix's.

import type { Measurement } from './measure.ts';
import { described } from './scenario.ts';
import type { Result, Row } from './tournament.ts';

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

export function rateOf({ runs }: Result): number | undefined {
  return runs.length === 0 ? undefined : median(runs.map(({ rate }) => rate));
}

/** The median rate of one server as a multiple of another's; undefined where either did not run. */
export function ratio(row: Row, server: string, other: string): number | undefined {
  const [one, two] = [server, other].map((name) => {
    const result = row.results.find((each) => each.server === name);
    return result === undefined ? undefined : rateOf(result);
  });
  return one === undefined || two === undefined ? undefined : one / two;
}

export function table(rows: readonly Row[]): string {
  const lines = [
    '| job | load | server | messages/s (spread) | CPU-ms/message | p50 ms | p99 ms | peak MiB | rate, Postfix = 1 |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
  ];
  for (const row of rows) {
    const { job } = row.scenario;
    for (const result of row.results) {
      const times = ratio(row, result.server, 'Postfix');
      const cells = [
        job,
        described(row.scenario),
        result.server,
        ...figures(result),
        times === undefined ? '' : times.toFixed(1),
      ];
      lines.push(`| ${cells.join(' | ')} |`);
    }
  }
  return lines.join('\n');
}

function figures({ runs, failure }: Result): readonly string[] {
  if (runs.length === 0) return [failure ?? 'did not run', '', '', '', ''];
  const rates = runs.map(({ rate }) => rate);
  const spread = `${Math.min(...rates).toFixed(0)}–${Math.max(...rates).toFixed(0)}`;
  const peak = Math.max(...runs.map(({ peakMemory }) => peakMemory)) / 1024 ** 2;
  return [
    `${median(rates).toFixed(0)} (${spread})${failure === undefined ? '' : `; then: ${failure}`}`,
    median(runs.map(({ cpu }) => cpu)).toFixed(3),
    waits(runs, 'p50'),
    waits(runs, 'p99'),
    peak.toFixed(0),
  ];
}

function waits(runs: readonly Measurement[], which: 'p50' | 'p99'): string {
  const known = runs.flatMap((run) => run[which] ?? []);
  return known.length === 0 ? '' : median(known).toFixed(1);
}
