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

  /** Throws `config-invalid` where a row names a transport that is none. */
  constructor(rows: readonly Row[], isTransport: (name: string) => boolean) {
    rows.forEach(({ transport }, index) => {
      if (transport !== undefined && !isTransport(transport))
        throw new PosthouseError(
          'config-invalid',
          `delivery.destinations[${index}].transport: no plugin of that name carries mail: ${transport}`,
        );
    });
    this.#rows = rows.map((row) => ({
      row,
      fits: matcherOf(row.match ?? []),
      fitsHost: matcherOf(row.mx ?? []),
    }));
  }

  /** @param connections where no row has its own */
  rulesFor(lane: Lane, connections: number): LaneRules {
    return rulesOf(this.#rowFor(lane), connections);
  }

  /**
   * What the destinations share whose mail goes to these hosts: the first row with `mx` that fits the best of them, for all
   * that it fits; else those with the same hosts are one.
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
    return { key: `${lane.transport} ${names.join(' ')}`, rules: this.rulesFor(lane, connections) };
  }

  #rowFor({ transport, destination }: Lane): Row | undefined {
    return this.#rows.find(({ row, fits }) => isFor(row, transport) && fits(destination))?.row;
  }
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
