// DNS that says whether an answer is secure: asked of validating resolvers whose AD bit the operator trusts
// (RFC 4035 §4.9.3), since neither node:dns nor the system's resolver tells. Answers are kept as long as their TTL says.

import { isIP } from 'node:net';
import { type Clock, type MxRecord, PosthouseError } from '@posthouse/core';
import type { TlsaRecord } from '@posthouse/core/client';
import { type DnsServer, exchange, type Patience } from './exchange.ts';
import { type Answer, BadAnswer, plain, type Question } from './question.ts';

export interface SecureAnswer<T> extends Omit<Answer, 'records'> {
  readonly records: readonly T[];
}

/** What DANE asks of DNS. A question without an answer is a PosthouseError `dns-unavailable`, as with Resolver. */
export interface SecureLookups {
  mx(domain: string, signal?: AbortSignal): Promise<SecureAnswer<MxRecord>>;
  a(host: string, signal?: AbortSignal): Promise<SecureAnswer<string>>;
  aaaa(host: string, signal?: AbortSignal): Promise<SecureAnswer<string>>;
  /** Whether the name itself is in a signed zone, whatever it leads to. */
  cname(host: string, signal?: AbortSignal): Promise<SecureAnswer<string>>;
  /** @param host the TLSA base domain (RFC 7672 §2.2.3) */
  tlsa(host: string, port: number, signal?: AbortSignal): Promise<SecureAnswer<TlsaRecord>>;
}

export interface SecureResolverOptions {
  readonly servers: readonly DnsServer[];
  /** Milliseconds for one try. */
  readonly timeout: number;
}

const TRIES = 2;
/** Answers kept at a time; the oldest go first. */
const MAX_KEPT = 10_000;
/** Milliseconds that an answer is kept at most: a day is no time for a record that was wrong. */
const MAX_KEEP = 3_600_000;
const MAX_KEEP_NOTHING = 300_000;

interface Kept {
  readonly answer: Promise<Answer>;
  until: number;
}

export class SecureResolver implements SecureLookups {
  readonly #servers: readonly DnsServer[];
  readonly #patience: Patience;
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();

  constructor({ servers, timeout }: SecureResolverOptions, clock: Clock) {
    this.#servers = servers;
    this.#patience = { clock, timeout };
    this.#clock = clock;
  }

  async mx(domain: string, signal?: AbortSignal): Promise<SecureAnswer<MxRecord>> {
    const answer = await this.#ask({ type: 'MX', name: plain(domain) }, signal);
    const records = (answer.records as readonly MxRecord[]).map(({ exchange: host, preference }) => ({
      exchange: plain(host),
      preference: preference ?? 0,
    }));
    records.sort((a, b) => a.preference - b.preference || (a.exchange < b.exchange ? -1 : 1));
    return { ...answer, records };
  }

  a(host: string, signal?: AbortSignal): Promise<SecureAnswer<string>> {
    return this.#ask({ type: 'A', name: plain(host) }, signal) as Promise<SecureAnswer<string>>;
  }

  aaaa(host: string, signal?: AbortSignal): Promise<SecureAnswer<string>> {
    return this.#ask({ type: 'AAAA', name: plain(host) }, signal) as Promise<SecureAnswer<string>>;
  }

  cname(host: string, signal?: AbortSignal): Promise<SecureAnswer<string>> {
    return this.#ask({ type: 'CNAME', name: plain(host) }, signal) as Promise<SecureAnswer<string>>;
  }

  async tlsa(host: string, port: number, signal?: AbortSignal): Promise<SecureAnswer<TlsaRecord>> {
    const answer = await this.#ask({ type: 'TLSA', name: `_${port}._tcp.${plain(host)}` }, signal);
    const records = answer.records as readonly (Omit<TlsaRecord, 'data'> & { certificate: Uint8Array })[];
    return {
      ...answer,
      records: records.map(({ usage, selector, matchingType, certificate }) => ({
        usage,
        selector,
        matchingType,
        data: certificate,
      })),
    };
  }

  /** Questions that are asked at the same time share one answer. A failure is not kept. */
  async #ask(question: Question, signal: AbortSignal | undefined): Promise<Answer> {
    signal?.throwIfAborted();
    const key = `${question.type} ${question.name}`;
    const known = this.#kept.get(key);
    if (known !== undefined && known.until > this.#clock.now()) return known.answer;
    const entry: Kept = { answer: this.#answer(question), until: Number.POSITIVE_INFINITY };
    this.#kept.delete(key);
    this.#kept.set(key, entry);
    if (this.#kept.size > MAX_KEPT) this.#kept.delete(this.#kept.keys().next().value as string);
    try {
      const { ttl, records } = await entry.answer;
      entry.until =
        this.#clock.now() + Math.min(ttl * 1000, records.length > 0 ? MAX_KEEP : MAX_KEEP_NOTHING);
    } catch (error) {
      if (this.#kept.get(key) === entry) this.#kept.delete(key);
      throw error;
    }
    return entry.answer;
  }

  async #answer(question: Question): Promise<Answer> {
    let trouble = 'no server';
    for (let attempt = 0; attempt < TRIES; attempt++) {
      for (const server of this.#servers) {
        try {
          return await exchange(server, question, this.#patience);
        } catch (error) {
          if (!(error instanceof BadAnswer)) throw error;
          trouble = error.message;
          // RFC 4035 §5.5: that is how a resolver speaks of what does not validate; with CD it gives the data out.
          if (error.servfail && (await this.#isBogus(server, question)))
            throw unavailable(question, 'the answer does not validate (DNSSEC)');
        }
      }
    }
    throw unavailable(question, trouble);
  }

  async #isBogus(server: DnsServer, question: Question): Promise<boolean> {
    try {
      await exchange(server, question, this.#patience, true);
      return true;
    } catch (error) {
      if (error instanceof BadAnswer) return false;
      throw error;
    }
  }
}

function unavailable({ type, name }: Question, why: string): PosthouseError {
  return new PosthouseError('dns-unavailable', `no answer to ${type} ${name}: ${why}`);
}

/** `127.0.0.1`, `127.0.0.1:5353`, `::1`, `[::1]:5353`; undefined for anything else. */
export function parseServer(text: string): DnsServer | undefined {
  if (isIP(text) !== 0) return { address: text, port: 53 };
  const [, six, four, port] = /^(?:\[([\da-f:.]+)\]|([\d.]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const address = six ?? four ?? '';
  const number = port === undefined ? 53 : Number(port);
  return isIP(address) === 0 || number < 1 || number > 65_535 ? undefined : { address, port: number };
}

/** Nobody else can answer in the place of a resolver on this machine. */
export function isLoopback({ address }: DnsServer): boolean {
  return address === '::1' || address.startsWith('127.');
}
