// From a next hop to the addresses to try, best first (RFC 5321 §5.1), or the outcome when there are none.
// Loops end here: of a list that names this server, only what is preferred to it is left.

import { isIP } from 'node:net';
import { type Chance, type MxRecord, Outcome, PosthouseError, type ServerIdentity } from '@posthouse/core';
import type { Target } from '@posthouse/core/client';
import type { Config } from './config.ts';
import type { Addresses, HostLookups } from './dns/lookups.ts';
import type { NextHop } from './route.ts';

export interface HostsServices {
  readonly dns: HostLookups;
  readonly chance: Chance;
  readonly identity: ServerIdentity;
}

// What is tried for one message in one attempt; the next attempt draws anew.
const MAX_TARGETS = 10;
const MAX_ADDRESSES_OF_HOST = 4;
const MAX_HOSTS = 20;

type Family = Config['addressFamily'];
type AddressesFound = { readonly addresses: readonly string[]; readonly tlsaBases: readonly string[] };
type Found = AddressesFound | 'self' | { readonly unavailable: string };

export interface HostTarget {
  readonly target: Target;
  readonly tlsaBases: readonly string[];
}

/** Best first; or the outcome for all recipients where there are none. */
export type Hosts =
  | {
      readonly hosts: readonly HostTarget[];
      /** That these are the hosts has been validated; those that the configuration names always have. */
      readonly secure: boolean;
      /** Where the CNAMEs of the domain lead. */
      readonly canonical?: string;
    }
  | { readonly outcome: Outcome };

export async function hostsOf(
  hop: NextHop,
  { port, addressFamily }: Pick<Config, 'port' | 'addressFamily'>,
  services: HostsServices,
  signal: AbortSignal,
): Promise<Hosts> {
  try {
    if (hop.kind === 'host') return await hostsOfHost(hop, addressFamily, services, signal);
    return await hostsOfDomain(hop.domain, port, addressFamily, services, signal);
  } catch (error) {
    if (PosthouseError.is(error, 'dns-unavailable')) return { outcome: unavailable(hop, error.message) };
    throw error;
  }
}

async function hostsOfHost(
  { host, port }: Extract<NextHop, { kind: 'host' }>,
  family: Family,
  services: HostsServices,
  signal: AbortSignal,
): Promise<Hosts> {
  // The operator has named this host: it is our own only by address and port.
  const found = await addressesOf(host, '', port, family, services, signal);
  if (found === 'self') return { outcome: loopsBack(host) };
  if ('unavailable' in found)
    return { outcome: unavailable({ kind: 'host', host, port }, found.unavailable) };
  const { addresses, tlsaBases } = found;
  // A name that the configuration has wrong costs nobody his mail.
  if (addresses.length === 0)
    return { outcome: Outcome.deferred('4.4.4', `${host} has no address`, { scope: 'destination' }) };
  const hosts = addresses
    .slice(0, MAX_TARGETS)
    .map((address) => ({ target: { host, address, port }, tlsaBases }));
  return { hosts, secure: true };
}

async function hostsOfDomain(
  domain: string,
  port: number,
  family: Family,
  services: HostsServices,
  signal: AbortSignal,
): Promise<Hosts> {
  const { records, secure, canonical } = await services.dns.mxRecords(domain, signal);
  // RFC 7505 §3
  if (records.length === 1 && records[0]?.exchange === '') {
    return { outcome: Outcome.failed('5.1.10', `${domain} does not accept mail (null MX)`) };
  }
  const named = records.filter(({ exchange }) => exchange !== '').slice(0, MAX_HOSTS);
  const isImplicit = named.length === 0;
  // RFC 5321 §5.1: a domain without MX is its own, of preference 0.
  const groups = isImplicit ? [[domain]] : inOrder(named, services.chance);

  const targets: HostTarget[] = [];
  let anyUnavailable: string | undefined;
  let foundSelf = false;
  for (const hosts of groups) {
    const found = await Promise.all(
      hosts.map((host) => addressesOf(host, host, port, family, services, signal)),
    );
    // RFC 5321 §5.1: ourselves, our equals and all behind are left out.
    foundSelf = found.includes('self');
    if (foundSelf) break;
    found.forEach((each, index) => {
      if (each === 'self') return;
      if ('unavailable' in each) {
        anyUnavailable ??= each.unavailable;
        return;
      }
      const host = hosts[index] as string;
      for (const address of each.addresses.slice(0, MAX_ADDRESSES_OF_HOST))
        targets.push({ target: { host, address, port }, tlsaBases: each.tlsaBases });
    });
    if (targets.length >= MAX_TARGETS) break;
  }
  if (targets.length > 0) return { hosts: targets.slice(0, MAX_TARGETS), secure, canonical };
  if (anyUnavailable !== undefined)
    return { outcome: unavailable({ kind: 'domain', domain }, anyUnavailable) };
  if (foundSelf) return { outcome: loopsBack(domain) };
  if (isImplicit) return { outcome: Outcome.failed('5.1.2', `${domain} has neither MX nor usable address`) };
  return { outcome: Outcome.failed('5.4.4', `no mail host of ${domain} has an address`) };
}

/** The hosts by preference, those of equal preference in an order drawn by chance. */
export function inOrder(records: readonly MxRecord[], chance: Chance): readonly (readonly string[])[] {
  const groups = new Map<number, string[]>();
  for (const { exchange, preference } of records) {
    const group = groups.get(preference);
    if (group === undefined) groups.set(preference, [exchange]);
    else if (!group.includes(exchange)) group.push(exchange);
  }
  return [...groups.entries()].sort(([a], [b]) => a - b).map(([, hosts]) => shuffled(hosts, chance));
}

/** The addresses to try, in their order. */
export function addressesInOrder(
  { v4, v6 }: { readonly v4: readonly string[]; readonly v6: readonly string[] },
  family: Family,
  chance: Chance,
): readonly string[] {
  const four = shuffled(v4, chance);
  const six = shuffled(v6, chance);
  switch (family) {
    case 'ipv4':
      return four;
    case 'ipv6':
      return six;
    case 'ipv4-first':
      return [...four, ...six];
    case 'ipv6-first':
      return [...six, ...four];
    case 'any':
      return four.length > 0 && six.length > 0 && chance.next() < 0.5
        ? alternating(six, four)
        : alternating(four, six);
  }
}

async function addressesOf(
  host: string,
  ownName: string,
  port: number,
  family: Family,
  { dns, chance, identity }: HostsServices,
  signal: AbortSignal,
): Promise<Found> {
  // By its name alone a host may be ourselves, whatever its addresses.
  if (ownName !== '' && identity.isSelf(ownName, '', port)) return 'self';
  try {
    const all = isIP(host) === 0 ? await dns.addresses(host, signal) : literal(host);
    if ([...all.v4, ...all.v6].some((address) => identity.isSelf(ownName, address, port))) return 'self';
    return { addresses: addressesInOrder(all, family, chance), tlsaBases: all.tlsaBases };
  } catch (error) {
    if (PosthouseError.is(error, 'dns-unavailable')) return { unavailable: error.message };
    throw error;
  }
}

function literal(address: string): Addresses {
  return isIP(address) === 4
    ? { v4: [address], v6: [], tlsaBases: [] }
    : { v4: [], v6: [address], tlsaBases: [] };
}

function shuffled<T>(values: readonly T[], chance: Chance): readonly T[] {
  if (values.length < 2) return values;
  const all = [...values];
  for (let last = all.length - 1; last > 0; last--) {
    const drawn = Math.floor(chance.next() * (last + 1));
    [all[last], all[drawn]] = [all[drawn] as T, all[last] as T];
  }
  return all;
}

function alternating<T>(first: readonly T[], second: readonly T[]): readonly T[] {
  const all: T[] = [];
  for (let index = 0; index < Math.max(first.length, second.length); index++) {
    all.push(...first.slice(index, index + 1), ...second.slice(index, index + 1));
  }
  return all;
}

function loopsBack(name: string): Outcome {
  return Outcome.failed('5.4.6', `mail for ${name} loops back to this server`);
}

function unavailable(hop: NextHop, why: string): Outcome {
  const name = hop.kind === 'domain' ? hop.domain : hop.host;
  return Outcome.deferred('4.4.3', `DNS gives no answer about ${name}: ${why}`, { scope: 'destination' });
}
