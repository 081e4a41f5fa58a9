// One kind of result, as it is kept and counted: messages that differ in nothing that a report shows are one row. Pure.

import type { Events } from '@posthouse/core';

export type Authenticated = Events['message-authenticated'];
type Policy = Authenticated['applied'];

export interface Row {
  /** The domain whose record counts, and the record. */
  readonly domain: string;
  readonly record: string;
  readonly client: string;
  readonly applied: Policy;
  readonly override?: string;
  readonly dkimAligned: boolean;
  readonly spfAligned: boolean;
  readonly headerFrom: string;
  readonly envelopeFrom: string;
  readonly spf: { readonly domain: string; readonly scope: 'mfrom' | 'helo'; readonly result: string };
  readonly dkim: readonly { readonly domain: string; readonly selector: string; readonly result: string }[];
}

/** Signatures of one row. */
const MAX_SIGNATURES = 10;

/** What a report is about stands in header fields. */
const DOMAIN = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i;

/** Undefined where there is nothing to report: no record, or no answer (RFC 7489 §6.6.2). */
export function rowOf(
  facts: Authenticated,
  applied = facts.applied,
  override = facts.override,
): Row | undefined {
  const { dmarc, spf, dkim, sender, remoteAddress } = facts;
  if (
    !DOMAIN.test(dmarc.policyDomain) ||
    dmarc.record === '' ||
    (dmarc.result !== 'pass' && dmarc.result !== 'fail')
  )
    return undefined;
  return {
    domain: dmarc.policyDomain,
    record: dmarc.record,
    client: remoteAddress,
    applied,
    ...(override !== undefined && { override }),
    dkimAligned: dmarc.dkimAligned,
    spfAligned: dmarc.spfAligned,
    headerFrom: dmarc.from,
    envelopeFrom: sender.slice(sender.lastIndexOf('@') + 1),
    spf: { domain: spf.domain, scope: spf.identity === 'helo' ? 'helo' : 'mfrom', result: spf.result },
    dkim: dkim
      .filter(({ domain }) => domain !== '')
      .slice(0, MAX_SIGNATURES)
      .map(({ domain, selector, result }) => ({ domain, selector, result })),
  };
}
