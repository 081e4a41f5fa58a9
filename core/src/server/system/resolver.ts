// DNS by Node's own client: the Resolver's answers, sorted, bounded, and clear about "no" and "do not know".

import { Resolver as DnsClient } from 'node:dns/promises';
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { type Clock, type MxRecord, PosthouseError, type Resolver } from '../../contract/index.ts';

export interface ResolverOptions {
  /** Addresses of DNS servers, with `:port` where it is not 53; undefined for those of the system. */
  readonly servers: readonly string[] | undefined;
  /** Milliseconds for one question to one server. */
  readonly timeout: number;
}

/** Records of one answer that are looked at: what is beyond is somebody's attack. */
const MAX_RECORDS = 100;
const TRIES = 2;
/** Milliseconds that answers are remembered. Node tells no TTL for MX, so they are kept short. */
const REMEMBER_YES = 60_000;
const REMEMBER_NO = 10_000;
const REMEMBERED = 10_000;

const NO = new Set(['ENOTFOUND', 'ENODATA', 'NOTFOUND', 'NODATA']);

interface Remembered {
  readonly until: number;
  readonly records: Promise<readonly unknown[]>;
}

export class SystemResolver implements Resolver {
  readonly #client: DnsClient;
  readonly #clock: Clock;
  readonly #memory = new Map<string, Remembered>();

  constructor(options: ResolverOptions, clock: Clock) {
    this.#client = new DnsClient({ timeout: options.timeout, tries: TRIES });
    if (options.servers !== undefined) this.#client.setServers(options.servers);
    this.#clock = clock;
  }

  async mx(domain: string): Promise<readonly MxRecord[]> {
    const records = await this.mxRecords(domain);
    if (records.length > 0) return records.filter(({ exchange }) => exchange !== ''); // RFC 7505: null MX
    // RFC 5321 §5.1: an address record alone makes the domain its own mail host.
    const { v4, v6 } = await this.addresses(domain);
    return v4.length + v6.length > 0 ? [{ exchange: domain, preference: 0 }] : [];
  }

  async mxRecords(domain: string): Promise<readonly MxRecord[]> {
    const records = await this.#ask('MX', domain, (name) => this.#client.resolveMx(name));
    return records
      .map(({ exchange, priority }) => ({ exchange: plain(exchange), preference: priority }))
      .sort((a, b) => a.preference - b.preference);
  }

  async addresses(host: string): Promise<{ readonly v4: readonly string[]; readonly v6: readonly string[] }> {
    const family = isIP(host);
    if (family !== 0) return family === 4 ? { v4: [host], v6: [] } : { v4: [], v6: [host] };
    if (plain(host) === 'localhost') return { v4: ['127.0.0.1'], v6: ['::1'] }; // RFC 6761 §6.3
    const [v4, v6] = await Promise.allSettled([
      this.#ask('A', host, (name) => this.#client.resolve4(name)),
      this.#ask('AAAA', host, (name) => this.#client.resolve6(name)),
    ]);
    // One family is enough to go on with; only when neither brings an address does a failure count.
    const found = { v4: v4.status === 'fulfilled' ? v4.value : [], v6: v6.status === 'fulfilled' ? v6.value : [] };
    if (found.v4.length + found.v6.length === 0) {
      if (v4.status === 'rejected') throw v4.reason;
      if (v6.status === 'rejected') throw v6.reason;
    }
    return found;
  }

  async txt(name: string): Promise<readonly string[]> {
    const records = await this.#ask('TXT', name, (ascii) => this.#client.resolveTxt(ascii));
    return records.map((strings) => strings.join(''));
  }

  async ptr(address: string): Promise<readonly string[]> {
    const names = await this.#ask('PTR', address, (ip) => this.#client.reverse(ip));
    return names.map(plain);
  }

  #ask<R>(type: string, name: string, query: (ascii: string) => Promise<readonly R[]>): Promise<readonly R[]> {
    const ascii = isIP(name) === 0 ? domainToASCII(plain(name)) : name;
    // A name that IDNA refuses exists nowhere.
    if (ascii === '') return Promise.resolve([]);
    const key = `${type} ${ascii}`;
    const now = this.#clock.now();
    const known = this.#memory.get(key);
    if (known !== undefined && known.until > now) return known.records as Promise<readonly R[]>;
    const records = this.#query(type, ascii, query);
    this.#remember(key, { until: now + REMEMBER_YES, records });
    records.then(
      (found) => {
        if (found.length === 0) this.#remember(key, { until: now + REMEMBER_NO, records });
      },
      () => this.#memory.delete(key),
    );
    return records;
  }

  async #query<R>(type: string, name: string, query: (ascii: string) => Promise<readonly R[]>): Promise<readonly R[]> {
    try {
      return (await query(name)).slice(0, MAX_RECORDS);
    } catch (error) {
      const code = (error as { code?: string }).code ?? '';
      if (NO.has(code)) return [];
      throw new PosthouseError('dns-unavailable', `DNS has no answer for ${type} of ${name}: ${code}`, { cause: error });
    }
  }

  #remember(key: string, answer: Remembered): void {
    this.#memory.delete(key);
    if (this.#memory.size >= REMEMBERED) this.#memory.delete(this.#memory.keys().next().value as string);
    this.#memory.set(key, answer);
  }
}

function plain(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}
