// Where a connection leads: a host's address and port, or a Unix socket.

import type { HopLogin } from './credentials.ts';
import type { TlsMode } from './settings.ts';

export interface Target {
  /** The name of the host, or its address where it has been given as one: for TLS, outcomes and bounces. */
  readonly host: string;
  /** '' with a Unix socket. */
  readonly address: string;
  readonly port: number;
  /** The path of a Unix socket; absolute. */
  readonly path?: string;
  /** Default: that of the settings. The same for all targets of a destination, as connections are kept for it. */
  readonly tls?: TlsMode;
  /** What its certificate may be for, with `verify`. Default: the host. */
  readonly names?: readonly string[];
  /** As `tls`, the same for all targets of a destination. */
  readonly login?: HopLogin;
}

/** Equal for targets that share their bound on connections. */
export function targetKey({ path, address, port }: Target): string {
  return path ?? `${address} ${port}`;
}

/** For outcomes and logs. */
export function formatTarget({ path, host, address, port }: Target): string {
  return path ?? `${host}[${address}]:${port}`;
}
