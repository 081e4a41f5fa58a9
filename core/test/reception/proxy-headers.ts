// PROXY headers of version 2, well made or not, for tests.

import { crc32c } from '../../src/reception/crc32c.ts';

/** 192.0.2.1:40000 to 198.51.100.1:25 */
export const IPV4: Buffer = Buffer.from([192, 0, 2, 1, 198, 51, 100, 1, 0x9c, 0x40, 0, 25]);
/** 2001:db8::1, port 40000, to 2001:db8::2, port 25 */
export const IPV6: Buffer = Buffer.concat([
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.from('20010db8000000000000000000000002', 'hex'),
  Buffer.from([0x9c, 0x40, 0, 25]),
]);

export interface HeaderParts {
  /** Version and command; default PROXY. */
  readonly command?: number;
  /** Address family and transport; default TCP over IPv4. */
  readonly family?: number;
  readonly addresses?: Buffer;
  readonly tlvs?: readonly Buffer[];
}

export function binaryHeader({ command = 0x21, family = 0x11, addresses, tlvs = [] }: HeaderParts): Buffer {
  const rest = Buffer.concat([addresses ?? Buffer.alloc(0), ...tlvs]);
  const fixed = Buffer.from([...Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'), command, family, 0, 0]);
  fixed.writeUInt16BE(rest.length, 14);
  return Buffer.concat([fixed, rest]);
}

export function tlv(type: number, value: string | Buffer): Buffer {
  const content = Buffer.from(value as string);
  const head = Buffer.from([type, 0, 0]);
  head.writeUInt16BE(content.length, 1);
  return Buffer.concat([head, content]);
}

/** With a CRC32C TLV at its end. */
export function checksummed(parts: HeaderParts): Buffer {
  const header = binaryHeader({ ...parts, tlvs: [...(parts.tlvs ?? []), tlv(0x03, Buffer.alloc(4))] });
  header.writeUInt32BE(crc32c(header), header.length - 4);
  return header;
}
