// The figures as a table for people: medians, spreads, and the ratio between the two servers.

import type { Measurement, Scenario } from './measure.ts';

export interface Row {
  readonly scenario: Scenario;
  readonly posthouse: readonly Measurement[];
  /** Empty where Postfix is not installed. */
  readonly postfix: readonly Measurement[];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** Posthouse's median rate as a multiple of Postfix's. */
export function ratioOf({ posthouse, postfix }: Row): number | undefined {
  return postfix.length === 0 ? undefined : median(posthouse.map(rate)) / median(postfix.map(rate));
}

export function table(rows: readonly Row[]): string {
  const lines = [
    '| job | load | server | messages/s (spread) | CPU-ms/message | p99 ms | peak MiB | rate, Postfix = 1 |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
  ];
  for (const row of rows) {
    const { job, source, sessions, size } = row.scenario;
    const load = `${source}, ${sessions} sessions, ${size / 1024} KiB`;
    const ratio = ratioOf(row);
    lines.push(
      line(job, load, 'Posthouse', row.posthouse, ratio === undefined ? '' : `**${ratio.toFixed(1)}**`),
    );
    if (row.postfix.length > 0) lines.push(line(job, load, 'Postfix', row.postfix, '1'));
  }
  return lines.join('\n');
}

function line(
  job: string,
  load: string,
  server: string,
  runs: readonly Measurement[],
  ratio: string,
): string {
  const rates = runs.map(rate);
  const spread = `${median(rates).toFixed(0)} (${Math.min(...rates).toFixed(0)}–${Math.max(...rates).toFixed(0)})`;
  const cpu = median(runs.map((run) => run.cpu)).toFixed(3);
  const waits = runs.flatMap(({ p99 }) => (p99 === undefined ? [] : [p99]));
  const p99 = waits.length === 0 ? '' : median(waits).toFixed(1);
  const memory = (Math.max(...runs.map(({ peakMemory }) => peakMemory)) / 1024 ** 2).toFixed(0);
  return `| ${job} | ${load} | ${server} | ${spread} | ${cpu} | ${p99} | ${memory} | ${ratio} |`;
}

function rate(run: Measurement): number {
  return run.rate;
}
