// What no schema can say: names that must be unique or known, hosts, and the certificate.

import { isIP } from 'node:net';
import type { ErrorCode } from '../../contract/index.ts';
import { TrustedNetworks } from '../../reception/index.ts';
import { isDomainName } from '../../smtp/index.ts';
import { didYouMean } from './near-words.ts';
import { noticeComplaints } from './notice-templates.ts';
import { quote } from './problem.ts';
import { isPlain } from './source.ts';
import { tlsComplaints } from './tls-semantics.ts';

export interface Complaint {
  readonly code: ErrorCode;
  readonly pointer: string;
  readonly text: string;
}

/** A Unix socket's path, its closing NUL not counted: what `struct sockaddr_un` of the strictest system holds. */
const MAX_SOCKET_PATH = 103;

/** @param server as it is, whether or not the schema is content with it: what has not its type is passed over. */
export function serverComplaints(server: unknown): readonly Complaint[] {
  const { hostname, listeners, tls, control, delivery, dns, plugins } = membersOf(server);
  const complaints: Complaint[] = [];
  const complain = (pointer: string, text: string): unknown =>
    complaints.push({ code: 'config-invalid', pointer, text });

  if (typeof hostname === 'string' && (!isDomainName(hostname) || isIP(hostname) !== 0)) {
    complain('/hostname', `must be a domain name, got ${quote(hostname)}`);
  }
  const known = listOf(listeners).map(membersOf);
  known.forEach((listener, index) => {
    for (const [key, text] of listenerComplaints(listener, known.slice(0, index))) {
      complain(`/listeners/${index}/${key}`, text);
    }
  });
  for (const [pointer, text] of tlsComplaints(membersOf(tls), known)) complain(pointer, text);
  for (const [index, text] of unreachedRows(listOf(membersOf(delivery).destinations).map(membersOf)))
    complain(`/delivery/destinations/${index}`, text);
  complaints.push(...noticeComplaints(membersOf(delivery).notices));
  const { socket } = membersOf(control);
  if (typeof socket === 'string' && Buffer.byteLength(socket) > MAX_SOCKET_PATH) {
    complain(
      '/control/socket',
      `is longer than the ${MAX_SOCKET_PATH} octets that the path of a socket may have: ${socket}`,
    );
  }
  listOf(membersOf(dns).servers).forEach((address, index) => {
    if (typeof address !== 'string' || isServerAddress(address)) return;
    complain(`/dns/servers/${index}`, `must be an IP address, with :port if need be, got ${quote(address)}`);
  });
  const names = known.map(({ name }) => name).filter((name) => typeof name === 'string');
  for (const [index, entry] of listOf(plugins).entries()) {
    for (const [place, name] of listOf(membersOf(entry).on).entries()) {
      if (typeof name !== 'string' || names.includes(name)) continue;
      const hint = didYouMean(name, names) || `; there are ${names.join(', ')}`;
      complain(`/plugins/${index}/on/${place}`, `names no listener: ${quote(name)}${hint}`);
    }
  }
  return complaints;
}

type Members = Readonly<Record<string, unknown>>;

function listenerComplaints(
  { name, host, port, auth, authMechanisms, ...listener }: Members,
  before: readonly Members[],
): readonly [string, string][] {
  const complaints: [string, string][] = [];
  if (typeof name === 'string' && before.some((other) => other.name === name)) {
    complaints.push(['name', `is taken: another listener is called ${name}`]);
  }
  if (typeof host === 'string' && isIP(host) === 0 && !isHostName(host)) {
    complaints.push(['host', `must be an IP address or a host name, got ${quote(host)}`]);
  }
  const same = before.find(
    (other) => typeof port === 'number' && port !== 0 && other.port === port && other.host === host,
  );
  if (same !== undefined) complaints.push(['port', `is taken: listener ${same.name} has ${host}:${port}`]);
  if (listener.protocol === 'lmtp' && port === 25) {
    complaints.push([
      'port',
      'must not be 25 with protocol: lmtp (RFC 2033 §5); choose another one, such as 24',
    ]);
  }
  if (authMechanisms !== undefined && auth !== 'offered' && auth !== 'required') {
    complaints.push(['authMechanisms', 'has no meaning without auth: offered or auth: required']);
  }
  if (listener.futureRelease !== undefined && auth !== 'offered' && auth !== 'required') {
    complaints.push(['futureRelease', 'has no meaning without auth: offered or auth: required']);
  }
  for (const key of ['proxy', 'xclient'])
    for (const [index, entry] of listOf(listener[key]).entries()) {
      const text = typeof entry === 'string' ? networkComplaint(entry) : undefined;
      if (text !== undefined) complaints.push([`${key}/${index}`, text]);
    }
  return complaints;
}

function networkComplaint(entry: string): string | undefined {
  try {
    new TrustedNetworks([entry], '');
    return undefined;
  } catch (error) {
    return (error as Error).message.replace(/^\[0\] /, '');
  }
}

function membersOf(value: unknown): Members {
  return isPlain(value) ? value : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** @param names undefined where the plugin could not be loaded. */
export function nameComplaints(
  names: readonly (string | undefined)[],
  isNamed: (index: number) => boolean,
): readonly Complaint[] {
  return names.flatMap((name, index) => {
    const first = names.indexOf(name);
    if (name === undefined || first === index) return [];
    const pointer = isNamed(index) ? `/plugins/${index}/name` : `/plugins/${index}`;
    const text = `is called ${name}, as plugins[${first}] is; give one of them another name: …`;
    return [{ code: 'plugin-doubled', pointer, text }];
  });
}

/** Digits and dots alone are an address that went wrong. */
function isHostName(host: string): boolean {
  return isDomainName(host) && !/^[\d.]+$/.test(host);
}

function isServerAddress(text: string): boolean {
  if (isIP(text) !== 0) return true;
  const [, v6, v4, port] = /^(?:\[([^\]]+)\]|([\d.]+)):(\d{1,5})$/.exec(text) ?? [];
  return isIP(v6 ?? v4 ?? '') !== 0 && Number(port) <= 65_535;
}

/** Rows of `delivery.destinations` behind one that fits all that they fit. */
function unreachedRows(rows: readonly Readonly<Record<string, unknown>>[]): readonly [number, string][] {
  return rows.flatMap((row, index): [number, string][] => {
    if (row.match === undefined && row.mx === undefined) return [[index, 'must have match or mx']];
    if (row.match === undefined) return [];
    const before = rows
      .slice(0, index)
      .findIndex(
        ({ match, transport }) =>
          listOf(match).includes('*') && (transport === undefined || transport === row.transport),
      );
    if (before === -1) return [];
    return [
      [index, `is never used: row ${before + 1} fits every destination, and the first that fits counts`],
    ];
  });
}
