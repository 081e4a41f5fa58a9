// The header that a proxy puts in front of a connection: who the client is and where it wanted to go. The PROXY
// protocol, version 1 (text) and 2 (binary). Pure: bytes in, a header or a fault out, however the bytes are cut.

import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import type { ProxiedTls, ProxyFacts } from '../contract/index.ts';
import { crc32c } from './crc32c.ts';
import { unmapped } from './networks.ts';

/** Octets of a version 1 header at most, CRLF included. */
const MAX_TEXT = 107;
/** Octets behind the fixed part of version 2. The protocol allows 65535; what is used of it stays far below this. */
const MAX_BINARY = 8192;

const TEXT_SIGNATURE = Buffer.from('PROXY ', 'latin1');
const BINARY_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const FIXED_PART = 16;

export interface ProxiedAddresses {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

export interface ProxyHeader {
  readonly version: 1 | 2;
  /** Undefined where the proxy speaks for itself (LOCAL) or does not know: the addresses of the socket hold. */
  readonly addresses: ProxiedAddresses | undefined;
  /** What else it says, in version 2. */
  readonly facts: Omit<ProxyFacts, 'by' | 'address' | 'port'>;
}

export type ProxyReading =
  | { readonly header: ProxyHeader /** Octets of the header. */; readonly length: number }
  | { readonly fault: string }
  /** More octets are needed. */
  | undefined;

/** Reads the header at the beginning of what has come. What follows it is the client's. */
export function readProxyHeader(bytes: Buffer): ProxyReading {
  if (startsLike(bytes, TEXT_SIGNATURE)) return bytes.length < 6 ? undefined : readText(bytes);
  if (startsLike(bytes, BINARY_SIGNATURE)) return bytes.length < FIXED_PART ? undefined : readBinary(bytes);
  return fault('no PROXY header');
}

function startsLike(bytes: Buffer, signature: Buffer): boolean {
  const length = Math.min(bytes.length, signature.length);
  return bytes.compare(signature, 0, length, 0, length) === 0;
}

/** `PROXY TCP4 192.0.2.1 198.51.100.1 40000 25`, or UNKNOWN with whatever behind it. */
function readText(bytes: Buffer): ProxyReading {
  const end = bytes.subarray(0, MAX_TEXT).indexOf('\r\n');
  if (end === -1) return bytes.length < MAX_TEXT ? undefined : fault('no end of the line within 107 octets');
  const line = bytes.toString('latin1', 0, end);
  const length = end + 2;
  if (/^PROXY UNKNOWN(?: [\x20-\x7e]*)?$/.test(line))
    return { header: { version: 1, addresses: undefined, facts: {} }, length };
  const [, family, source, destination, from, to, ...more] = line.split(' ');
  const is = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : undefined;
  if (is === undefined) return fault('neither TCP4, TCP6 nor UNKNOWN');
  const remotePort = portOf(from);
  const localPort = portOf(to);
  if (source === undefined || destination === undefined || !is(source) || !is(destination))
    return fault('an address that is none');
  if (remotePort === undefined || localPort === undefined || more.length > 0)
    return fault('a port that is none');
  const addresses = {
    remoteAddress: canonical(source),
    remotePort,
    localAddress: canonical(destination),
    localPort,
  };
  return { header: { version: 1, addresses, facts: {} }, length };
}

function portOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^(?:0|[1-9]\d{0,4})$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65_535 ? port : undefined;
}

const LOCAL = 0x20;
const PROXY = 0x21;
const STREAM = 1;
/** Address family, octets of its addresses: IPv4, IPv6 and Unix sockets. */
const FAMILIES: readonly (readonly [family: number, octets: number])[] = [
  [0, 0],
  [1, 12],
  [2, 36],
  [3, 216],
];

function readBinary(bytes: Buffer): ProxyReading {
  const command = bytes.readUInt8(12);
  const family = bytes.readUInt8(13) >> 4;
  const transport = bytes.readUInt8(13) & 0x0f;
  const size = bytes.readUInt16BE(14);
  if (command !== LOCAL && command !== PROXY) return fault('an unknown version or command');
  if (size > MAX_BINARY) return fault(`more than ${MAX_BINARY} octets`);
  const length = FIXED_PART + size;
  if (bytes.length < length) return undefined;
  // What stands behind LOCAL says nothing.
  if (command === LOCAL) return { header: { version: 2, addresses: undefined, facts: {} }, length };
  const addressOctets = FAMILIES.find(([known]) => known === family)?.[1];
  if (addressOctets === undefined || transport > STREAM)
    return fault('an unknown address family or transport');
  if (size < addressOctets) return fault('an address that is cut off');
  const block = bytes.subarray(FIXED_PART, FIXED_PART + addressOctets);
  const tlvs = readTlvs(bytes.subarray(FIXED_PART + addressOctets, length));
  if (tlvs === undefined) return fault('a TLV that is cut off');
  if (!checksumHolds(bytes.subarray(0, length), tlvs)) return fault('a checksum that does not hold');
  const addresses =
    transport !== STREAM ? undefined : family === 1 ? ipv4(block) : family === 2 ? ipv6(block) : undefined;
  return { header: { version: 2, addresses, facts: factsOf(tlvs) }, length };
}

function ipv4(block: Buffer): ProxiedAddresses {
  return {
    remoteAddress: block.subarray(0, 4).join('.'),
    remotePort: block.readUInt16BE(8),
    localAddress: block.subarray(4, 8).join('.'),
    localPort: block.readUInt16BE(10),
  };
}

function ipv6(block: Buffer): ProxiedAddresses {
  const text = (start: number): string => {
    const groups = Array.from({ length: 8 }, (_, index) =>
      block.readUInt16BE(start + 2 * index).toString(16),
    );
    return canonical(groups.join(':'));
  };
  return {
    remoteAddress: text(0),
    remotePort: block.readUInt16BE(32),
    localAddress: text(16),
    localPort: block.readUInt16BE(34),
  };
}

/** One spelling for one address, as a socket would show it, and an IPv4 client is one whatever the proxy listens on. */
function canonical(address: string): string {
  if (isIPv4(address)) return address;
  return unmapped(new SocketAddress({ address, family: 'ipv6' }).address);
}

interface Tlv {
  readonly type: number;
  readonly value: Buffer;
}

const AUTHORITY = 0x02;
const CRC32C = 0x03;
const UNIQUE_ID = 0x05;
const SSL = 0x20;
const SSL_VERSION = 0x21;
const SSL_COMMON_NAME = 0x22;
const SSL_CIPHER = 0x23;
/** Bits of the first octet of the SSL TLV. */
const CLIENT_SPOKE_TLS = 0x01;
const CLIENT_HAS_CERTIFICATE = 0x02 | 0x04;

function readTlvs(bytes: Buffer): readonly Tlv[] | undefined {
  const tlvs: Tlv[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < 3) return undefined;
    const end = at + 3 + bytes.readUInt16BE(at + 1);
    if (end > bytes.length) return undefined;
    tlvs.push({ type: bytes.readUInt8(at), value: bytes.subarray(at + 3, end) });
    at = end;
  }
  return tlvs;
}

/** The checksum is over the whole header with zeros in its own place. */
function checksumHolds(header: Buffer, tlvs: readonly Tlv[]): boolean {
  return tlvs.every(({ type, value }) => {
    if (type !== CRC32C) return true;
    if (value.length !== 4) return false;
    const start = value.byteOffset - header.byteOffset;
    const zeroed = Buffer.from(header);
    zeroed.fill(0, start, start + 4);
    return crc32c(zeroed) === value.readUInt32BE(0);
  });
}

function factsOf(tlvs: readonly Tlv[]): ProxyHeader['facts'] {
  const value = (type: number): Buffer | undefined => tlvs.find((tlv) => tlv.type === type)?.value;
  const authority = value(AUTHORITY);
  const uniqueId = value(UNIQUE_ID);
  const tls = tlsOf(value(SSL));
  return {
    ...(authority !== undefined && { serverName: authority.toString('utf8') }),
    ...(uniqueId !== undefined && { uniqueId: uniqueId.toString('hex') }),
    ...(tls !== undefined && { tls }),
  };
}

/** An octet of bits, four of the verification's result (0 is good), and TLVs of its own. */
function tlsOf(value: Buffer | undefined): ProxiedTls | undefined {
  if (value === undefined || value.length < 5 || (value.readUInt8(0) & CLIENT_SPOKE_TLS) === 0)
    return undefined;
  const parts = readTlvs(value.subarray(5)) ?? [];
  const text = (type: number): string | undefined =>
    parts.find((part) => part.type === type)?.value.toString('utf8');
  const [version, cipher, clientName] = [text(SSL_VERSION), text(SSL_CIPHER), text(SSL_COMMON_NAME)];
  const certificate = (value.readUInt8(0) & CLIENT_HAS_CERTIFICATE) !== 0;
  return {
    ...(version !== undefined && { version }),
    ...(cipher !== undefined && { cipher }),
    ...(clientName !== undefined && { clientName }),
    verified: certificate && value.readUInt32BE(1) === 0,
  };
}

function fault(text: string): { readonly fault: string } {
  return { fault: text };
}
