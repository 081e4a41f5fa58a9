// The PROXY header: each form of both versions, each way to be wrong, and never a difference by how it is cut.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { crc32c } from '../../src/reception/crc32c.ts';
import { type ProxyHeader, readProxyHeader } from '../../src/reception/proxy-header.ts';
import { binaryHeader, checksummed, IPV4, IPV6, tlv } from './proxy-headers.ts';

const CLIENT = {
  remoteAddress: '192.0.2.1',
  remotePort: 40_000,
  localAddress: '198.51.100.1',
  localPort: 25,
};

function read(bytes: Buffer): ProxyHeader {
  const reading = readProxyHeader(bytes);
  assert.ok(reading !== undefined && 'header' in reading, JSON.stringify(reading));
  return reading.header;
}

function faultOf(bytes: Buffer): string {
  const reading = readProxyHeader(bytes);
  assert.ok(reading !== undefined && 'fault' in reading, JSON.stringify(reading));
  return reading.fault;
}

const line = (text: string): Buffer => Buffer.from(`${text}\r\n`, 'latin1');

test('version 1: IPv4, IPv6 in one spelling, mapped IPv4, and UNKNOWN with and without addresses', () => {
  const at = (text: string) => read(line(text)).addresses;
  assert.deepEqual(at('PROXY TCP4 192.0.2.1 198.51.100.1 40000 25'), CLIENT);
  assert.deepEqual(at('PROXY TCP6 2001:DB8:0:0::1 ::1 0 65535'), {
    remoteAddress: '2001:db8::1',
    remotePort: 0,
    localAddress: '::1',
    localPort: 65_535,
  });
  assert.equal(at('PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.1 1 2')?.remoteAddress, '192.0.2.1');
  assert.equal(at('PROXY UNKNOWN'), undefined);
  const longest = `PROXY UNKNOWN ${'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff '.repeat(2)}65535 65535`;
  assert.equal(at(longest), undefined);
});

const BAD_LINES = [
  'PROXY TCP4 192.0.2.1 198.51.100.1 40000',
  'PROXY TCP4 192.0.2.1 198.51.100.1 40000 25 26',
  'PROXY TCP4  192.0.2.1 198.51.100.1 40000 25',
  'PROXY TCP4 192.0.2.256 198.51.100.1 40000 25',
  'PROXY TCP4 2001:db8::1 2001:db8::2 40000 25',
  'PROXY TCP6 192.0.2.1 198.51.100.1 40000 25',
  'PROXY TCP4 192.0.2.1 198.51.100.1 65536 25',
  'PROXY TCP4 192.0.2.1 198.51.100.1 040 25',
  'PROXY TCP4 192.0.2.1 198.51.100.1 -1 25',
  'PROXY TCP4 192.0.2.1 198.51.100.1 40000 25 ',
  'PROXY tcp4 192.0.2.1 198.51.100.1 40000 25',
  'PROXY UDP4 192.0.2.1 198.51.100.1 40000 25',
  'PROXY ',
  'PROXY UNKNOWN\nEHLO x',
  'PROXY UNKNOWNX',
  `PROXY UNKNOWN ${'x'.repeat(100)}`,
  'proxy TCP4 192.0.2.1 198.51.100.1 40000 25',
  'EHLO client.example',
  'GET / HTTP/1.1',
];

test('version 1: whatever else is written is a fault', () => {
  for (const text of BAD_LINES) assert.notEqual(faultOf(line(text)), '', text);
  assert.match(faultOf(Buffer.alloc(107, 'PROXY UNKNOWN ')), /107 octets/);
  assert.equal(readProxyHeader(Buffer.alloc(106, 'PROXY UNKNOWN ')), undefined);
});

test('version 2: IPv4, IPv6, LOCAL, UNSPEC and Unix sockets', () => {
  assert.deepEqual(read(binaryHeader({ addresses: IPV4 })), { version: 2, addresses: CLIENT, facts: {} });
  assert.deepEqual(read(binaryHeader({ family: 0x21, addresses: IPV6 })).addresses, {
    ...CLIENT,
    remoteAddress: '2001:db8::1',
    localAddress: '2001:db8::2',
  });
  for (const without of [
    binaryHeader({ command: 0x20, family: 0x00 }),
    binaryHeader({ command: 0x20, addresses: Buffer.from('whatever a LOCAL brings') }),
    binaryHeader({ family: 0x00 }),
    binaryHeader({ family: 0x31, addresses: Buffer.alloc(216) }),
  ])
    assert.equal(read(without).addresses, undefined);
});

test('version 2: the TLVs that matter are facts, and others are passed over', () => {
  const ssl = Buffer.concat([
    Buffer.from([0x07, 0, 0, 0, 0]),
    tlv(0x21, 'TLSv1.3'),
    tlv(0x22, 'client.example'),
    tlv(0x23, 'TLS_AES_256_GCM_SHA384'),
    tlv(0x99, 'unknown'),
  ]);
  const tlvs = [
    tlv(0x01, 'smtp'),
    tlv(0x02, 'mx.example.org'),
    tlv(0x04, ''),
    tlv(0x05, Buffer.from([1, 255])),
    tlv(0x20, ssl),
    tlv(0x30, 'blue'),
    tlv(0xee, 'private'),
  ];
  const { facts } = read(binaryHeader({ addresses: IPV4, tlvs }));
  assert.deepEqual(facts, {
    serverName: 'mx.example.org',
    uniqueId: '01ff',
    tls: {
      version: 'TLSv1.3',
      cipher: 'TLS_AES_256_GCM_SHA384',
      clientName: 'client.example',
      verified: true,
    },
  });
  const tlsOf = (octets: readonly number[]) =>
    read(binaryHeader({ addresses: IPV4, tlvs: [tlv(0x20, Buffer.from(octets))] })).facts.tls;
  assert.deepEqual(tlsOf([0x01, 0, 0, 0, 0]), { verified: false }, 'no certificate was shown');
  assert.deepEqual(tlsOf([0x03, 0, 0, 0, 1]), { verified: false }, 'it was not good');
  assert.equal(tlsOf([0x00, 0, 0, 0, 0]), undefined, 'no TLS');
  assert.equal(tlsOf([0x01]), undefined);
});

test('version 2: a checksum that holds is taken, one that does not is a fault', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  const header = checksummed({ addresses: IPV4, tlvs: [tlv(0x02, 'mx.example.org')] });
  assert.deepEqual(read(header).addresses, CLIENT);
  for (let at = 16; at < header.length; at++) {
    const spoilt = Buffer.from(header);
    spoilt.writeUInt8(spoilt.readUInt8(at) ^ 1, at);
    const reading = readProxyHeader(spoilt);
    // A change of the checksum's own type makes a header without one.
    if (at !== header.length - 7) assert.ok(reading !== undefined && 'fault' in reading, `octet ${at}`);
  }
  assert.match(faultOf(binaryHeader({ addresses: IPV4, tlvs: [tlv(0x03, 'abc')] })), /checksum/);
});

test('version 2: whatever else is written is a fault', () => {
  for (const [bytes, about] of [
    [binaryHeader({ command: 0x22 }), /version or command/],
    [binaryHeader({ command: 0x11 }), /version or command/],
    [binaryHeader({ family: 0x41, addresses: IPV4 }), /family or transport/],
    [binaryHeader({ family: 0x12, addresses: IPV4 }), /family or transport/],
    [binaryHeader({ addresses: IPV4.subarray(1) }), /cut off/],
    [binaryHeader({ family: 0x21, addresses: IPV4 }), /cut off/],
    [binaryHeader({ addresses: IPV4, tlvs: [Buffer.from([1, 0])] }), /TLV/],
    [binaryHeader({ addresses: IPV4, tlvs: [Buffer.from([1, 0, 9, 1])] }), /TLV/],
    [binaryHeader({ addresses: Buffer.alloc(8193) }), /8192/],
    [Buffer.from('\r\n\r\n\0\r\nQUIX'), /no PROXY/],
  ] as const)
    assert.match(faultOf(bytes), about);
});

const anyHeader = fc.oneof(
  fc.constantFrom(...BAD_LINES).map(line),
  fc.constant(line('PROXY TCP4 192.0.2.1 198.51.100.1 40000 25')),
  fc.constant(checksummed({ addresses: IPV4, tlvs: [tlv(0x02, 'x')] })),
  fc.constant(binaryHeader({ command: 0x20 })),
  fc
    .record({
      command: fc.constantFrom(0x20, 0x21, 0x21, 0x21, 0x11),
      family: fc.integer({ min: 0, max: 255 }),
      addresses: fc.uint8Array({ maxLength: 250 }).map((octets) => Buffer.from(octets)),
    })
    .map(binaryHeader),
  fc.uint8Array({ maxLength: 300 }).map((octets) => Buffer.from(octets)),
);

test('however the octets are cut, the reading is the same, and what follows the header changes nothing', () => {
  fc.assert(
    fc.property(anyHeader, fc.uint8Array({ maxLength: 40 }), (bytes, rest) => {
      const all = Buffer.concat([bytes, rest]);
      const whole = readProxyHeader(all);
      let first: ReturnType<typeof readProxyHeader>;
      let needed = 0;
      for (needed = 1; needed <= all.length && first === undefined; needed++)
        first = readProxyHeader(all.subarray(0, needed));
      if (whole !== undefined && 'header' in whole) {
        assert.deepEqual(first, whole);
        assert.equal(needed - 1, whole.length, 'no octet behind the header is waited for');
      } else if (whole === undefined) assert.equal(first, undefined);
      else assert.ok(first !== undefined && 'fault' in first);
    }),
    { numRuns: 2000 },
  );
});
