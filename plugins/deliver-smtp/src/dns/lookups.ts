// What the way to a next hop asks of DNS, from either resolver: the server's, which cannot tell what is secure, or
// validating ones, which can.

import type { MxRecord, Resolver } from '@posthouse/core';
import type { SecureAnswer, SecureLookups } from './secure-resolver.ts';

export interface Exchangers {
  readonly records: readonly MxRecord[];
  /** Validated, also that there are none. */
  readonly secure: boolean;
  /** Where the CNAMEs of the domain lead; the domain itself where it has none. */
  readonly canonical: string;
}

export interface Addresses {
  readonly v4: readonly string[];
  readonly v6: readonly string[];
  /** Names under which TLSA records of the host may be (RFC 7672 §2.2.2, §2.2.3), the best first. Empty where nothing is secure. */
  readonly tlsaBases: readonly string[];
}

export interface HostLookups {
  mxRecords(domain: string, signal?: AbortSignal): Promise<Exchangers>;
  addresses(host: string, signal?: AbortSignal): Promise<Addresses>;
}

export function plainLookups(resolver: Resolver): HostLookups {
  return {
    async mxRecords(domain, signal) {
      return { records: await resolver.mxRecords(domain, signal), secure: false, canonical: domain };
    },
    async addresses(host, signal) {
      return { ...(await resolver.addresses(host, signal)), tlsaBases: [] };
    },
  };
}

export function secureLookups(dns: SecureLookups): HostLookups {
  return {
    mxRecords: (domain, signal) => dns.mx(domain, signal),
    async addresses(host, signal) {
      const [a, aaaa] = await Promise.allSettled([dns.a(host, signal), dns.aaaa(host, signal)]);
      const v4 = a.status === 'fulfilled' ? a.value.records : [];
      const v6 = aaaa.status === 'fulfilled' ? aaaa.value.records : [];
      // One family is enough to deliver; without any, a failure means that we do not know.
      if (v4.length + v6.length === 0) {
        if (a.status === 'rejected') throw a.reason;
        if (aaaa.status === 'rejected') throw aaaa.reason;
      }
      const answers = [a, aaaa].flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
      return { v4, v6, tlsaBases: await tlsaBases(host, answers, dns, signal) };
    },
  };
}

/**
 * RFC 7672 §2.2.2: TLSA records are looked up only for hosts whose addresses are secure, since some name servers of
 * unsigned zones answer nothing to the question. A host that is an alias has two names that may have them.
 */
async function tlsaBases(
  host: string,
  answers: readonly SecureAnswer<string>[],
  dns: SecureLookups,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const found = answers.filter(({ records }) => records.length > 0);
  if (found.length === 0) return [];
  const canonical = found[0]?.canonical ?? host;
  if (found.every(({ secure }) => secure)) return canonical === host ? [host] : [canonical, host];
  if (canonical === host) return [];
  // The alias leads out of what is signed; it may be signed itself.
  return (await dns.cname(host, signal)).secure ? [host] : [];
}
