// Where our connections come from: pools of addresses of this machine, each with its own name in EHLO, by next hop.

import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { Outcome } from '@posthouse/core';
import type { Target, Targets } from '@posthouse/core/client';
import type { Config } from './config.ts';
import { DomainTable, formatNextHop, type NextHop, tableKey } from './route.ts';

type SourceConfig = Pick<Config, 'pools' | 'source' | 'sources'>;
type Pool = Config['pools'][string];
type Source = Pool['addresses'][number];

export class Sources {
  readonly #pools: ReadonlyMap<string, SourcePool>;
  readonly #default: SourcePool | undefined;
  readonly #table: DomainTable<SourcePool>;

  /** Throws a TypeError that names what is wrong. */
  constructor({ pools, source, sources }: SourceConfig) {
    this.#pools = new Map(Object.entries(pools).map(([name, pool]) => [name, new SourcePool(name, pool)]));
    const named = (name: string, where: string): SourcePool => {
      const pool = this.#pools.get(name);
      if (pool === undefined) throw new TypeError(`${where}: there is no pool ${JSON.stringify(name)}`);
      return pool;
    };
    this.#default = source === undefined ? undefined : named(source, 'source');
    this.#table = new DomainTable(
      Object.entries(sources).map(([key, name]) => [key, named(name, `sources: ${JSON.stringify(key)}`)]),
    );
  }

  /** All addresses, for those who look whether the machine has them. */
  get addresses(): readonly string[] {
    return [...this.#pools.values()].flatMap((pool) => pool.addresses);
  }

  /** Targets with where to come from; those of a family that the pool has not are left out. */
  applyTo(found: Targets, hop: NextHop): Targets {
    const pool = this.#table.find(tableKey(hop)) ?? this.#default;
    if (pool === undefined || 'outcome' in found) return found;
    const key = formatNextHop(hop);
    const targets = found.targets.flatMap((target) => pool.under(target, key) ?? []);
    if (targets.length > 0) return { ...found, targets };
    const why = `the pool ${pool.name} has no address from which a mail host of ${key} could be reached`;
    return { outcome: Outcome.deferred('4.4.4', why, { scope: 'destination' }) };
  }
}

class SourcePool {
  readonly name: string;
  readonly #v4: readonly Source[];
  readonly #v6: readonly Source[];
  readonly #choose: Pool['choose'];
  #turn = 0;

  constructor(name: string, { addresses, choose }: Pool) {
    this.name = name;
    this.#choose = choose;
    for (const { address } of addresses) {
      if (isIP(address) === 0)
        throw new TypeError(`pools: ${JSON.stringify(name)}: not an address: ${JSON.stringify(address)}`);
    }
    this.#v4 = addresses.filter(({ address }) => isIP(address) === 4);
    this.#v6 = addresses.filter(({ address }) => isIP(address) === 6);
  }

  get addresses(): readonly string[] {
    return [...this.#v4, ...this.#v6].map(({ address }) => address);
  }

  under(target: Target, key: string): Target | undefined {
    const candidates = isIP(target.address) === 6 ? this.#v6 : this.#v4;
    const index = this.#choose === 'hash' ? hashOf(key) : this.#turn++;
    const source = candidates[index % candidates.length];
    if (source === undefined) return undefined;
    return {
      ...target,
      localAddress: source.address,
      ...(source.helo !== undefined && { helo: source.helo }),
    };
  }
}

/** Those that this machine has not now. */
export function strangers(addresses: readonly string[]): readonly string[] {
  const own = new Set(
    Object.values(networkInterfaces())
      .flatMap((all) => all ?? [])
      .map(({ address }) => address.toLowerCase()),
  );
  // All of 127.0.0.0/8 is here, and listed by one address.
  return addresses.filter((address) => !own.has(address.toLowerCase()) && !address.startsWith('127.'));
}

/** The same for the same next hop, whatever process asks. */
function hashOf(key: string): number {
  return createHash('sha256').update(key).digest().readUInt32BE();
}
