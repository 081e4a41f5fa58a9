// What the checks found out, as plain data: notes for other plugins, and lines of Authentication-Results (RFC 8601).

import { type AuthenticationResult, note } from '@posthouse/core';

/** RFC 7208 §2.6. */
export type SpfResult = {
  readonly result: string;
  /** The domain whose policy was asked. */
  readonly domain: string;
  /** The null reverse-path has no domain: then the name in HELO is checked (RFC 7208 §2.4). */
  readonly identity: 'mailfrom' | 'helo';
  /** What was checked: an address where the policy looks at the local part. */
  readonly value: string;
};

/** RFC 8601 §2.7.1. */
export type DkimResult = {
  readonly result: string;
  /** `d=`, '' where the message is not signed. */
  readonly domain: string;
  readonly selector: string;
  readonly identity: string;
  readonly algorithm: string;
  /** The beginning of the signature, which tells it from others (RFC 6008). */
  readonly signature: string;
  readonly reason: string;
};

/** RFC 8617 §5.2. */
export type ArcResult = {
  readonly result: string;
  readonly reason: string;
  /** `d=` of the seals, the oldest first. */
  readonly sealers: readonly string[];
  /** The first sealer has found DMARC to pass. */
  readonly dmarcPassed: boolean;
};

/** RFC 7489 §6.6, RFC 9989. */
export type DmarcResult = {
  readonly result: string;
  /** The domain of the From field, '' where there is no one such domain. */
  readonly from: string;
  readonly reason: string;
  /** What the domain asks for this message, before `pct`. */
  readonly policy: 'none' | 'quarantine' | 'reject';
  /** The record, '' where there is none, and where it was published. */
  readonly record: string;
  readonly policyDomain: string;
  readonly spfAligned: boolean;
  readonly dkimAligned: boolean;
};

export interface MessageResults {
  readonly spf: SpfResult;
  readonly dkim: readonly DkimResult[];
  readonly arc: ArcResult;
  readonly dmarc: DmarcResult;
}

export const notes = {
  spf: note<SpfResult>('check-auth/spf'),
  dkim: note<DkimResult[]>('check-auth/dkim'),
  arc: note<ArcResult>('check-auth/arc'),
  dmarc: note<DmarcResult>('check-auth/dmarc'),
};

export function authenticationResults({ spf, dkim, arc, dmarc }: MessageResults): AuthenticationResult[] {
  return [
    {
      method: 'spf',
      result: spf.result,
      properties: spf.identity === 'helo' ? { 'smtp.helo': spf.value } : { 'smtp.mailfrom': spf.value },
    },
    ...dkim.map(({ result, domain, selector, identity, algorithm, signature, reason }) => ({
      method: 'dkim',
      result,
      reason,
      properties: {
        'header.d': domain,
        'header.i': identity,
        'header.s': selector,
        'header.a': algorithm,
        'header.b': signature,
      },
    })),
    ...(arc.result === 'none' ? [] : [{ method: 'arc', result: arc.result, reason: arc.reason }]),
    {
      method: 'dmarc',
      result: dmarc.result,
      reason: dmarc.reason,
      properties: {
        'header.from': dmarc.from,
        // RFC 9989 §9.1
        'policy.dmarc': dmarc.record === '' ? '' : dmarc.policy,
      },
    },
  ];
}

/** The value of a Received-SPF field (RFC 7208 §9.1). */
export function receivedSpf(
  { result, domain, identity, value }: SpfResult,
  { client, helo, receiver }: { readonly client: string; readonly helo: string; readonly receiver: string },
): string {
  const words = `${receiver}: ${domain === '' ? 'the client' : domain} has SPF ${result} for ${client}`;
  const sender = identity === 'mailfrom' ? `envelope-from=${quoted(value)}; ` : '';
  return `${result} (${commented(words)}) client-ip=${quoted(client)}; ${sender}helo=${quoted(helo)}; identity=${identity}; receiver=${quoted(receiver)};`;
}

function commented(text: string): string {
  return text.replace(/[^ -~]/g, '?').replace(/[\\()]/g, '\\$&');
}

/** RFC 7208 §9.1: a dot-atom or a quoted string. */
function quoted(text: string): string {
  const plain = text.replace(/[^ -~]/g, '?').slice(0, 512);
  if (/^[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+(?:\.[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*$/.test(plain)) return plain;
  return `"${plain.replace(/[\\"]/g, '\\$&')}"`;
}
