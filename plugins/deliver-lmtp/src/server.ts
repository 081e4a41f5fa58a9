// The LMTP server of the configuration: its one spelling as a destination of the queue, and the addresses to connect to.

import { isIP } from 'node:net';
import { Outcome, PosthouseError, type Resolver, type ServerIdentity } from '@posthouse/core';
import type { Target, Targets } from '@posthouse/core/client';
import type { Config } from './config.ts';

/** What outcomes call a server on a Unix socket: RFC 3464 §2.3.5 wants a host name. */
const ON_SOCKET = 'localhost';

export type LmtpServer =
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'host'; readonly host: string; readonly port: number };

/** Throws `config-invalid`. */
export function serverOf({ socket, host, port }: Pick<Config, 'socket' | 'host' | 'port'>): LmtpServer {
  if ((socket === undefined) === (host === undefined))
    throw new PosthouseError('config-invalid', 'deliver-lmtp: either socket or host, and not both');
  return socket === undefined
    ? { kind: 'host', host: host as string, port }
    : { kind: 'socket', path: socket };
}

export function destinationOf(server: LmtpServer): string {
  return server.kind === 'socket' ? `unix:${server.path}` : `[${server.host}]:${server.port}`;
}

export interface DnsServices {
  readonly resolver: Resolver;
  readonly identity: ServerIdentity;
}

export async function targetsOf(
  server: LmtpServer,
  { resolver, identity }: DnsServices,
  signal: AbortSignal,
): Promise<Targets> {
  if (server.kind === 'socket')
    return { targets: [{ host: ON_SOCKET, address: '', port: 0, path: server.path }] };
  const { host, port } = server;
  try {
    const addresses = await addressesOf(host, resolver, signal);
    // A mistake of the configuration costs nobody his mail: it waits.
    if (addresses.some((address) => identity.isSelf('', address, port)))
      return waits('4.3.5', `${destinationOf(server)} is a listener of this server`);
    if (addresses.length === 0) return waits('4.4.4', `${host} has no address`);
    return { targets: addresses.map((address): Target => ({ host, address, port })) };
  } catch (error) {
    if (PosthouseError.is(error, 'dns-unavailable'))
      return waits('4.4.3', `DNS gives no answer about ${host}`);
    throw error;
  }
}

async function addressesOf(
  host: string,
  resolver: Resolver,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  // RFC 6761 §6.3: this name is not asked for in DNS.
  if (host.toLowerCase() === 'localhost') return ['127.0.0.1', '::1'];
  const { v4, v6 } = await resolver.addresses(host, signal);
  return [...v4, ...v6];
}

function waits(status: '4.3.5' | '4.4.3' | '4.4.4', text: string): Targets {
  return { outcome: Outcome.deferred(status, text, { scope: 'destination' }) };
}
