// DANE for SMTP (RFC 7672): what the TLSA records of a host ask of a connection to it. What is not known is never
// taken for "nothing is published": such a host gets no mail.

import { PosthouseError } from '@posthouse/core';
import { type Target, type TlsaRecord, type TlsFault, usableTlsa } from '@posthouse/core/client';
import type { SecureLookups } from './dns/secure-resolver.ts';

/** A host as it was found. */
export interface DaneHost {
  readonly target: Target;
  readonly tlsaBases: readonly string[];
}

export interface DaneContext {
  readonly dns: Pick<SecureLookups, 'tlsa'>;
  /** Names that the certificate may have besides that of the host: the domain, and where its CNAMEs lead (§3.2.3). */
  readonly names: readonly string[];
  readonly signal: AbortSignal;
}

/** The target with what its records ask for; undefined: nothing that could be held to is published. */
export async function underDane(
  { target, tlsaBases }: DaneHost,
  { dns, names, signal }: DaneContext,
): Promise<Target | undefined> {
  try {
    for (const base of tlsaBases) {
      const { records, secure } = await dns.tlsa(base, target.port, signal);
      if (!secure || records.length === 0) continue;
      const tlsa = usableTlsa(records);
      const published = {
        type: 'tlsa',
        domain: base,
        strings: records.map(presentation),
        hosts: [],
      } as const;
      // §2.2: records that nobody can use still say that TLS is there to be had.
      if (tlsa.length === 0)
        return { ...target, tls: 'encrypt', policy: 'dane (no usable TLSA record)', published };
      // §2.2.3, and §8.1 for SNI.
      const expected = [...new Set([base, target.host, ...names])];
      return { ...target, tls: 'dane', tlsa, names: expected, serverName: base, policy: 'dane', published };
    }
    return undefined;
  } catch (error) {
    if (!PosthouseError.is(error, 'dns-unavailable')) throw error;
    // §2.1.2, §2.2: an attacker who can keep the answer from us must not gain by it.
    const published = { type: 'tlsa', domain: tlsaBases[0] ?? target.host, strings: [], hosts: [] } as const;
    const text = `its TLSA records are not known: ${error.message}`;
    return { ...unfit(target, 'dnssec-invalid', text), published };
  }
}

/** As zone files have it (RFC 6698 §2.2). */
function presentation({ usage, selector, matchingType, data }: TlsaRecord): string {
  return `${usage} ${selector} ${matchingType} ${Buffer.from(data).toString('hex').toUpperCase()}`;
}

/** The same where nothing but DANE will do. */
export async function underDaneOnly(host: DaneHost, context: DaneContext): Promise<Target> {
  const found = await underDane(host, context);
  if (found?.tls === 'dane' || found?.unfit !== undefined) return found;
  const why =
    found !== undefined
      ? 'none of its TLSA records is usable'
      : host.tlsaBases.length === 0
        ? 'it is not secured by DNSSEC'
        : 'it has no TLSA records';
  return unfit(host.target, 'dane-required', `DANE is required by us: ${why}`);
}

export function unfit(target: Target, fault: TlsFault['kind'], text: string, policy = 'dane'): Target {
  return { ...target, policy, unfit: { kind: 'tls-failed', text, fault } };
}
