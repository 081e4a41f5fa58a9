// Where a connection leads: a host's address and port, or a Unix socket.

import { connect, type Socket } from 'node:net';
import type { PublishedTlsPolicy } from '../contract/index.ts';
import type { HopLogin } from './credentials.ts';
import type { TlsMode } from './settings.ts';
import type { TlsaRecord } from './tlsa.ts';
import type { TlsFault, Trouble } from './trouble.ts';

export interface TlsTrial {
  /** What is wrong before anything was tried. */
  readonly fault?: TlsFault;
}

export interface Target {
  /** The name of the host, or its address where it has been given as one: for TLS, outcomes and bounces. */
  readonly host: string;
  /** '' with a Unix socket. */
  readonly address: string;
  readonly port: number;
  /** The path of a Unix socket; absolute. */
  readonly path?: string;
  /** Default: that of the settings. */
  readonly tls?: TlsMode;
  /** What its certificate may be for, with `verify`, and with `dane` and a TLSA record of usage 2. Default: the host. */
  readonly names?: readonly string[];
  /** With `dane`: what its certificate must match. Usable ones, and at least one. */
  readonly tlsa?: readonly TlsaRecord[];
  /** What is said in SNI. Default: the host, where it is a name. */
  readonly serverName?: string;
  /** With `may`: looks at the certificate as `verify` does, and only tells what is wrong (RFC 8461 §5, testing). */
  readonly trial?: TlsTrial;
  /** Where `tls` comes from, for the trace: `dane`, `mta-sts enforce`… */
  readonly policy?: string;
  /** Whose mail host it is; undefined for one that the operator has named. */
  readonly domain?: string;
  /** By what the other side has published, for reports. */
  readonly published?: PublishedTlsPolicy;
  /** Why that could not be had, in the words of RFC 8460 §4.3.2.2. */
  readonly publishedFault?: { readonly kind: string; readonly text: string };
  /** The address of ours that the connection comes from. Default: the system's choice. */
  readonly localAddress?: string;
  /** Our name in EHLO. Default: that of the settings. */
  readonly helo?: string;
  /** Nothing may be sent there: it is passed over as if it could not be reached, and this is told. */
  readonly unfit?: Trouble;
  /** The same for all targets of a destination, as connections are kept for it. */
  readonly login?: HopLogin;
}

/** Equal for targets that share their bound on connections. */
export function targetKey({ path, address, port }: Target): string {
  return path ?? `${address} ${port}`;
}

/** Begins to connect. */
export function dial({ path, address, port, localAddress }: Target): Socket {
  if (path !== undefined) return connect({ path });
  return connect({ host: address, port, noDelay: true, ...(localAddress !== undefined && { localAddress }) });
}

/** For outcomes and logs. */
export function formatTarget({ path, host, address, port }: Target): string {
  return path ?? `${host}[${address}]:${port}`;
}
