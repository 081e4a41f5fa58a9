// What others say of a client that is not on the socket: the PROXY header, XCLIENT and XFORWARD.

import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { type ProxyReading, readProxyHeader } from '../../src/reception/proxy-header.ts';
import { parseXclient, parseXforward } from '../../src/smtp/client-attributes.ts';
import { formatXtext } from '../../src/smtp/index.ts';
import { binaryHeader, checksummed, IPV4, IPV6, tlv } from '../reception/proxy-headers.ts';
import { Chance } from './chance.ts';
import type { Target } from './fuzzer.ts';
import { octetsOf } from './words.ts';

const SSL = tlv(
  0x20,
  Buffer.concat([Buffer.from([7, 0, 0, 0, 0]), tlv(0x21, 'TLSv1.3'), tlv(0x22, 'client.example')]),
);

/** Octets that a header may have at most: what is kept of a proxy that never ends it. */
const LARGEST_HEADER = 16 + 8192;

export const proxyHeaders: Target = {
  name: 'PROXY headers',
  share: 25,
  seeds: [
    ...octetsOf(
      'PROXY TCP4 192.0.2.1 198.51.100.1 40000 25\r\nEHLO x\r\n',
      'PROXY TCP6 2001:db8::1 ::ffff:192.0.2.1 40000 25\r\n',
      'PROXY UNKNOWN\r\n',
      'PROXY UNKNOWN ffff:f...f:ffff 65535 65535\r\n',
    ),
    binaryHeader({ addresses: IPV4 }),
    binaryHeader({
      addresses: IPV6,
      family: 0x21,
      tlvs: [tlv(0x02, 'mx.example.org'), tlv(0x05, 'id'), SSL],
    }),
    binaryHeader({ command: 0x20 }),
    binaryHeader({ family: 0x31, addresses: Buffer.alloc(216) }),
    checksummed({ addresses: IPV4, tlvs: [tlv(0x04, 'padding')] }),
  ],
  words: [
    'PROXY ',
    'TCP4 ',
    'TCP6 ',
    'UNKNOWN',
    '192.0.2.1 ',
    '2001:db8::1 ',
    '::ffff:192.0.2.1 ',
    '65535',
    '65536',
    ' ',
    '\r\n',
    '\r\n\r\n\0\r\nQUIT\n',
    '\x21\x11\0\x0c',
    '\x21\x21\0\x24',
    '\x20\0\0\0',
    '\x03\0\x04\0\0\0\0',
    '\x20\0\x05\x07\0\0\0\0',
    '\xff\xff',
  ],
  run(input) {
    const bytes = Buffer.from(input);
    const whole = readProxyHeader(bytes);
    holds(whole, bytes);
    // A fault stays one, and a header the same one, whatever comes behind.
    const chance = Chance.of(input);
    for (let tries = 0; tries < 3; tries++) {
      const before = readProxyHeader(bytes.subarray(0, chance.below(bytes.length + 1)));
      if (before === undefined) continue;
      if ('fault' in before) assert.ok(whole !== undefined && 'fault' in whole, 'a fault is unsaid');
      else assert.deepEqual(whole, before, 'what comes behind changes the header');
    }
  },
};

function holds(reading: ProxyReading, bytes: Buffer): void {
  if (reading === undefined) {
    assert.ok(bytes.length < LARGEST_HEADER, 'it waits for more than a header may have');
    return;
  }
  if ('fault' in reading) return;
  assert.ok(reading.length <= Math.min(bytes.length, LARGEST_HEADER));
  const { addresses } = reading.header;
  if (addresses === undefined) return;
  for (const address of [addresses.remoteAddress, addresses.localAddress]) {
    assert.notEqual(isIP(address), 0, address);
    assert.doesNotMatch(address, /^::ffff:\d/, 'an IPv4 client in IPv6 clothes');
  }
  for (const port of [addresses.remotePort, addresses.localPort])
    assert.ok(Number.isInteger(port) && port >= 0 && port <= 65_535);
}

const TEXTS = ['name', 'address', 'helo', 'login', 'ident', 'protocol', 'source', 'destinationAddress'];
const PORTS = ['port', 'destinationPort'];

export const clientAttributes: Target = {
  name: 'XCLIENT and XFORWARD',
  share: 25,
  seeds: octetsOf(
    'NAME=spike.example ADDR=198.51.100.7 PORT=4711 PROTO=ESMTP HELO=x LOGIN=ann DESTADDR=192.0.2.1 DESTPORT=25',
    'NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::7 LOGIN=[TEMPUNAVAIL] PROTO=smtp',
    'NAME=a+2Bb IDENT=4711 SOURCE=LOCAL HELO=[192.0.2.1]',
  ),
  words: [
    'NAME=',
    'ADDR=',
    'PORT=',
    'PROTO=',
    'HELO=',
    'LOGIN=',
    'IDENT=',
    'SOURCE=REMOTE',
    'DESTADDR=',
    'DESTPORT=',
    '[UNAVAILABLE]',
    '[TEMPUNAVAIL]',
    'IPV6:',
    '::1',
    '192.0.2.1',
    '65535',
    '65536',
    '+0D+0A',
    '+2B',
    '+',
    ' ',
    '=',
    '__proto__=x',
    'constructor=x',
    'x'.repeat(255),
    '\0',
    '\xff',
  ],
  run(input) {
    const text = Buffer.from(input).toString('latin1');
    for (const parse of [parseXclient, parseXforward]) {
      const attributes = parse(text);
      if ('fault' in attributes) {
        assert.equal(attributes.fault.code, 501);
        continue;
      }
      for (const [member, value] of Object.entries(attributes)) {
        if (value === null) continue;
        if (PORTS.includes(member)) assert.ok(Number.isInteger(value) && value >= 0 && value <= 65_535);
        else {
          assert.ok(TEXTS.includes(member), member);
          // It goes into logs, events and Received.
          assert.match(value, /^[ -~]{1,255}$/);
        }
      }
      const { name } = attributes;
      if (typeof name === 'string')
        assert.deepEqual(parse(`NAME=${formatXtext(name)}`), { name }, 'a name does not come back');
    }
  },
};
