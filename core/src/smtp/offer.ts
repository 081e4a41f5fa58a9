// What a next hop offers: its EHLO reply, read (RFC 5321 §4.1.1.1). The counterpart of extensions.ts.

import type { Reply } from './reply.ts';

export interface Offer {
  /** False after HELO: then nothing else is offered either. */
  readonly esmtp: boolean;
  readonly pipelining: boolean;
  /** SIZE is understood as a parameter of MAIL (RFC 1870). */
  readonly size: boolean;
  /** Octets that the next hop takes at most; undefined when it names no limit. */
  readonly maxSize: number | undefined;
  readonly eightBitMime: boolean;
  /** BDAT may be used (RFC 3030 §2). */
  readonly chunking: boolean;
  /** Binary messages are taken (RFC 3030 §3). */
  readonly binaryMime: boolean;
  readonly smtputf8: boolean;
  readonly dsn: boolean;
  readonly startTls: boolean;
  /** REQUIRETLS is understood (RFC 8689). */
  readonly requireTls: boolean;
  /** Recipients that one transaction may have (RFC 9422 §4.2); undefined when the next hop does not say. */
  readonly rcptMax: number | undefined;
  /** Transactions that one connection may have (RFC 9422 §4.1). */
  readonly mailMax: number | undefined;
  /** The SASL mechanisms of AUTH (RFC 4954 §3), in capitals. */
  readonly auth: readonly string[];
}

export const NO_OFFER: Offer = Object.freeze({
  esmtp: false,
  pipelining: false,
  size: false,
  maxSize: undefined,
  eightBitMime: false,
  chunking: false,
  binaryMime: false,
  smtputf8: false,
  dsn: false,
  startTls: false,
  requireTls: false,
  rcptMax: undefined,
  mailMax: undefined,
  auth: Object.freeze([]),
});

/** Reads the reply to EHLO. Unknown keywords and malformed values are passed over. */
export function readOffer(ehlo: Reply): Offer {
  const keywords = new Map<string, readonly string[]>();
  // The first line is the greeting, never a keyword.
  for (const line of ehlo.lines.slice(1)) {
    const [keyword = '', ...values] = line.trim().split(/[ \t]+/);
    keywords.set(keyword.toUpperCase(), values);
  }
  const size = keywords.get('SIZE')?.[0] ?? (keywords.has('SIZE') ? '' : undefined);
  const limits = keywords.get('LIMITS') ?? [];
  // RFC 1870 §3: no number, or 0, is no limit.
  const limit = size !== undefined && /^\d{1,20}$/.test(size) ? Number(size) : 0;
  return {
    esmtp: true,
    pipelining: keywords.has('PIPELINING'),
    size: size !== undefined,
    maxSize: limit > 0 ? limit : undefined,
    eightBitMime: keywords.has('8BITMIME'),
    chunking: keywords.has('CHUNKING'),
    binaryMime: keywords.has('BINARYMIME'),
    smtputf8: keywords.has('SMTPUTF8'),
    dsn: keywords.has('DSN'),
    startTls: keywords.has('STARTTLS'),
    requireTls: keywords.has('REQUIRETLS'),
    rcptMax: limitOf('RCPTMAX', limits),
    mailMax: limitOf('MAILMAX', limits),
    auth: (keywords.get('AUTH') ?? []).map((mechanism) => mechanism.toUpperCase()),
  };
}

/** RFC 9422 §4: a number from 1 to 999999 without leading zeros; what is malformed is passed over (§3). */
function limitOf(name: string, limits: readonly string[]): number | undefined {
  for (const limit of limits) {
    const [, given = '', value] = /^([A-Za-z0-9-]+)=([1-9]\d{0,5})$/.exec(limit) ?? [];
    if (given.toUpperCase() === name) return Number(value);
  }
  return undefined;
}
