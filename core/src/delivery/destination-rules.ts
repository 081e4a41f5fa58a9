// The operator's table of destinations (`delivery.destinations`): which rules hold for a lane. The first row that fits
// counts; what it leaves open, and lanes that no row fits, go by the defaults. Pure.

import { type DeliverySettings, type Lane, PosthouseError } from '../contract/index.ts';
import type { LaneRules } from './throttle.ts';

type Row = NonNullable<DeliverySettings['destinations']>[number];

export class DestinationRules {
  readonly #rows: readonly {
    readonly row: Row;
    readonly fits: (destination: string) => boolean;
    readonly fitsHost: (host: string) => boolean;
  }[];

  constructor(rows: readonly Row[]) {
    this.#rows = rows.map((row) => ({
      row,
      fits: matcherOf(row.match ?? []),
      fitsHost: matcherOf(row.mx ?? []),
    }));
  }

  /** @param connections where no row has its own */
  rulesFor(lane: Lane, connections: number): LaneRules {
    return rulesOf(this.#rows[this.#placeFor(lane)]?.row, connections);
  }

  /**
   * What the destinations share whose mail goes to these hosts: the first row with `mx` that fits the best of them, for all
   * that it fits; else those with the same hosts and the same row are one, so that nobody keeps the limits that were meant
   * for another.
   */
  groupOf(
    lane: Lane,
    hosts: readonly string[],
    connections: number,
  ): { readonly key: string; readonly rules: LaneRules } {
    const best = hosts[0] as string;
    const at = this.#rows.findIndex(
      ({ row, fitsHost }) => isFor(row, lane.transport) && row.mx !== undefined && fitsHost(best),
    );
    const row = this.#rows[at]?.row;
    if (row !== undefined) return { key: `row ${at}`, rules: rulesOf(row, connections) };
    const names = [...new Set(hosts.map((host) => host.toLowerCase()))].sort();
    const key = `${lane.transport} ${this.#placeFor(lane)} ${names.join(' ')}`;
    return { key, rules: this.rulesFor(lane, connections) };
  }

  /** -1: no row fits. */
  #placeFor({ transport, destination }: Lane): number {
    return this.#rows.findIndex(({ row, fits }) => isFor(row, transport) && fits(destination));
  }
}

/** Throws `config-invalid` where a row names a transport that is none of these. */
export function checkDestinations(
  { destinations = [] }: Pick<DeliverySettings, 'destinations'>,
  transports: readonly string[],
): void {
  destinations.forEach(({ transport }, index) => {
    if (transport === undefined || transports.includes(transport)) return;
    throw new PosthouseError(
      'config-invalid',
      `delivery.destinations[${index}].transport: no plugin of that name carries mail: ${transport}`,
    );
  });
}

function isFor({ transport }: Row, name: string | null): boolean {
  return transport === undefined || transport === name;
}

function rulesOf(row: Row | undefined, connections: number): LaneRules {
  if (row === undefined) return { connections };
  const { rate, messagesPerConnection } = row;
  return {
    connections: row.connections ?? connections,
    ...(rate !== undefined && { messagesPerSecond: rate }),
    ...(messagesPerConnection !== undefined && { messagesPerConnection }),
  };
}

/** `example.org` is that destination, `.example.org` whatever is below it, `*` every destination. */
export function matcherOf(patterns: readonly string[]): (destination: string) => boolean {
  const exact = new Set<string>();
  const below: string[] = [];
  let all = false;
  for (const written of patterns) {
    const pattern = written.toLowerCase();
    if (pattern === '*') all = true;
    else if (pattern.startsWith('.')) below.push(pattern);
    else exact.add(pattern);
  }
  if (all) return () => true;
  return (destination) => {
    const name = destination.toLowerCase();
    return exact.has(name) || below.some((end) => name.endsWith(end));
  };
}
