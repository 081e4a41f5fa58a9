// DNS, asked over a resolver of node:dns of our own, so that its servers and patience are ours to set.
// Not for: /etc/hosts, which says nothing about mail; `localhost` and address literals are answered without DNS.

import { Resolver as NodeResolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { type Clock, type MxRecord, PosthouseError, type Resolver } from '../../contract/index.ts';
import { AnswerCache } from './answer-cache.ts';
import { byPreference, mailExchangers } from './mail-exchangers.ts';

export interface SystemResolverOptions {
  /** `192.0.2.53`, `192.0.2.53:5353`, `[2001:db8::53]:53`. Default: the system's. */
  readonly servers?: readonly string[] | undefined;
  /** Milliseconds for one try. */
  readonly timeout?: number;
  readonly tries?: number;
}

type Addresses = Awaited<ReturnType<Resolver['addresses']>>;
type Answer = readonly (string | MxRecord)[];

// Records of one kind and name that are read; a domain with more is no better served by them.
const MAX_RECORDS = 100;
const MAX_KEPT = 5000;
/** Characters of an answer that is kept: a domain that answers without measure must not fill the memory. */
const LARGEST_KEPT = 4096;
const KEEP = 60_000;
const KEEP_NOTHING = 10_000;
// RFC 6761 §6.3
const LOOPBACK: Addresses = { v4: ['127.0.0.1'], v6: ['::1'] };
const NO_RECORDS: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA', 'EBADNAME']);

export class SystemResolver implements Resolver {
  readonly #dns: NodeResolver;
  readonly #cache: AnswerCache<Answer>;

  constructor({ servers, timeout = 5000, tries = 3 }: SystemResolverOptions, clock: Clock) {
    this.#dns = new NodeResolver({ timeout, tries });
    if (servers !== undefined) this.#dns.setServers(servers);
    this.#cache = new AnswerCache(clock, MAX_KEPT);
  }

  mx(domain: string, signal?: AbortSignal): Promise<readonly MxRecord[]> {
    return mailExchangers(this, domain, signal);
  }

  async mxRecords(domain: string, signal?: AbortSignal): Promise<readonly MxRecord[]> {
    if (literal(domain) !== undefined || isLocalhost(domain)) return [];
    return this.#ask('MX', domain, signal, async (name) => {
      const records = await this.#dns.resolveMx(name);
      return byPreference(
        records.map(({ exchange, priority }) => ({ exchange: plain(exchange), preference: priority })),
      );
    });
  }

  async addresses(host: string, signal?: AbortSignal): Promise<Addresses> {
    const address = literal(host);
    if (address !== undefined)
      return isIP(address) === 4 ? { v4: [address], v6: [] } : { v4: [], v6: [address] };
    if (isLocalhost(host)) return LOOPBACK;
    const [a, aaaa] = await Promise.allSettled([
      this.a(host, signal),
      this.#ask('AAAA', host, signal, (name) => this.#dns.resolve6(name)),
    ]);
    const v4 = a.status === 'fulfilled' ? a.value : [];
    const v6 = aaaa.status === 'fulfilled' ? aaaa.value : [];
    // One family is enough to deliver; without any, a failure means that we do not know.
    if (v4.length + v6.length === 0) {
      if (a.status === 'rejected') throw a.reason;
      if (aaaa.status === 'rejected') throw aaaa.reason;
    }
    return { v4, v6 };
  }

  async a(name: string, signal?: AbortSignal): Promise<readonly string[]> {
    return this.#ask('A', name, signal, (asked) => this.#dns.resolve4(asked));
  }

  txt(name: string, signal?: AbortSignal): Promise<readonly string[]> {
    return this.#ask('TXT', name, signal, async (asked) => {
      const records = await this.#dns.resolveTxt(asked);
      return records.map((strings) => strings.join(''));
    });
  }

  async ptr(address: string, signal?: AbortSignal): Promise<readonly string[]> {
    const name = reverseName(address);
    if (name === undefined) return [];
    return this.#ask('PTR', name, signal, async (asked) => (await this.#dns.resolvePtr(asked)).map(plain));
  }

  async #ask<T extends string | MxRecord>(
    type: string,
    of: string,
    signal: AbortSignal | undefined,
    query: (name: string) => Promise<readonly T[]>,
  ): Promise<readonly T[]> {
    const name = asciiName(of);
    if (name === undefined) return [];
    signal?.throwIfAborted();
    const question = `${type} ${name}`;
    const kept = this.#cache.kept(question);
    if (kept !== undefined) return kept as Promise<readonly T[]>;
    const answer = this.#cache.get(question, () => answered(type, name, query), goodFor) as Promise<
      readonly T[]
    >;
    return signal === undefined ? answer : abortable(answer, signal);
  }
}

/** Milliseconds. */
function goodFor(records: Answer): number {
  if (records.length === 0) return KEEP_NOTHING;
  let size = 0;
  for (const record of records) size += typeof record === 'string' ? record.length : record.exchange.length;
  return size > LARGEST_KEPT ? 0 : KEEP;
}

async function answered<T>(
  type: string,
  name: string,
  query: (name: string) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  try {
    return (await query(name)).slice(0, MAX_RECORDS);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (NO_RECORDS.has(code)) return [];
    throw new PosthouseError('dns-unavailable', `no answer to ${type} ${name}: ${code ?? error}`, {
      cause: error,
    });
  }
}

function abortable<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** The address of `192.0.2.1`, `[192.0.2.1]`, `2001:db8::1` and `[IPv6:2001:db8::1]`. */
function literal(host: string): string | undefined {
  const address = host.replace(/^\[(?:IPv6:)?(.*)\]$/i, '$1');
  return isIP(address) === 0 ? undefined : address.toLowerCase();
}

function isLocalhost(host: string): boolean {
  return /(?:^|\.)localhost\.?$/i.test(host);
}

/** As DNS is asked for it; undefined for what cannot be a name there. */
function asciiName(name: string): string | undefined {
  // Labels with underscores are no host names, and names all the same.
  const ascii = /^[\w.-]+$/.test(name) ? plain(name) : plain(domainToASCII(name));
  return ascii === '' || ascii.length > 253 ? undefined : ascii;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

/** RFC 1035 §3.5, RFC 3596 §2.5. */
function reverseName(address: string): string | undefined {
  const ip = literal(address);
  if (ip === undefined || ip.includes('%')) return undefined;
  if (isIP(ip) === 4) return `${ip.split('.').reverse().join('.')}.in-addr.arpa`;
  // The URL parser writes an IPv4 tail as groups and compresses in one known way.
  const [head = '', tail] = new URL(`http://[${ip}]`).hostname.slice(1, -1).split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = [...before, ...new Array<string>(8 - before.length - after.length).fill('0'), ...after];
  const nibbles = groups.map((group) => group.padStart(4, '0')).join('');
  return `${[...nibbles].reverse().join('.')}.ip6.arpa`;
}
