// One kind of result, as it is kept and counted: sessions that differ in nothing that a report shows are one row. Pure.

import type { Events } from '@posthouse/core';

export type Attempted = Events['tls-attempted'];

export interface Row {
  /** Whose report it is in. */
  readonly domain: string;
  readonly policy: Policy;
  /** Absent with a session in which nothing was wrong. */
  readonly failure?: Failure;
}

/** RFC 8460 §4.4 */
export interface Policy {
  readonly type: 'sts' | 'tlsa' | 'no-policy-found';
  readonly domain: string;
  readonly strings: readonly string[];
  readonly hosts: readonly string[];
}

export interface Failure {
  /** §4.3 */
  readonly type: string;
  readonly sendingAddress: string;
  readonly host: string;
  readonly address: string;
  readonly text: string;
}

/** What a report is about stands in header fields. */
const DOMAIN = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i;
const MAX_TEXT = 200;

/** Undefined where there is nobody to report to, and for connections that carry reports: they would go to and fro for ever. */
export function rowOf({ domain, published, plugin, ...facts }: Attempted): Row | undefined {
  if (domain === undefined || plugin !== undefined || !DOMAIN.test(domain)) return undefined;
  const policy: Policy = published ?? { type: 'no-policy-found', domain, strings: [], hosts: [] };
  if (facts.result === 'success') return { domain, policy };
  const { result, host, address, localAddress = '', text = '' } = facts;
  return {
    domain,
    policy,
    failure: { type: result, sendingAddress: localAddress, host, address, text: text.slice(0, MAX_TEXT) },
  };
}
