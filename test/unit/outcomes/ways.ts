// Other ways out: the fallback for mail that nobody answers for, and the addresses that connections come from.

import { GOOD } from './certificates.ts';
import { addressOf, type Row } from './stage.ts';
import { stall } from './stall.ts';

/** `mx9` is the fallback and no MX of the domain. */
function behind(...hosts: readonly string[]): Pick<Row, 'zone' | 'relay'> {
  const zone = [...hosts, 'mx9'].flatMap((host, index) => [
    ...(host === 'mx9' ? [] : [`b.example MX ${10 * (index + 1)} ${host}.b.example`]),
    `${host}.b.example A ${addressOf(host)}`,
  ]);
  return { zone, relay: { fallback: '[mx9.b.example]' } };
}

export const FALLBACK: readonly Row[] = [
  { when: 'nobody listens at any of two', hops: { mx1: null, mx2: null, mx9: {} }, ...behind('mx1', 'mx2') },
  { when: '`421` as greeting', hops: { mx1: { greeting: '421 busy' }, mx9: {} }, ...behind('mx1') },
  { when: 'dropped at MAIL', hops: { mx1: { MAIL: 'DROP' }, mx9: {} }, ...behind('mx1') },
  {
    when: 'no reply to RCPT within 5m',
    hops: { mx1: { RCPT: 'SILENCE' }, mx9: {} },
    during: stall,
    ...behind('mx1'),
  },
  {
    when: 'SERVFAIL for the MX',
    hops: { mx9: {} },
    ...behind(),
    zone: ['b.example MX SERVFAIL', 'mx9.b.example A 127.0.0.9'],
  },
  {
    when: 'a wrong certificate, `tls: verify`',
    hops: { mx1: { tls: GOOD }, mx9: {} },
    ...behind('mx1'),
    relay: { ...behind().relay, tls: 'verify', tlsPolicies: { 'mx9.b.example': 'may' } },
  },
  {
    when: '`450 4.2.0` to RCPT: it has answered',
    hops: { mx1: { RCPT: '450 4.2.0 later' }, mx9: {} },
    ...behind('mx1'),
  },
  { when: '`550 5.1.1` to RCPT', hops: { mx1: { RCPT: '550 5.1.1 no' }, mx9: {} }, ...behind('mx1') },
  {
    when: 'the reply to the message is lost',
    hops: { mx1: { message: 'DROP' }, mx9: {} },
    ...behind('mx1'),
  },
  { when: 'no such domain', hops: { mx9: {} }, ...behind(), zone: ['mx9.b.example A 127.0.0.9'] },
  {
    when: 'one refused, then `421`',
    hops: {
      mx1: { RCPT: (line) => (line.includes('<x@') ? '550 5.1.1 no' : '421 enough') },
      mx9: {},
    },
    to: ['x@b.example', 'b@b.example'],
    ...behind('mx1'),
  },
  { when: 'nobody listens there either', hops: { mx1: null, mx9: null }, ...behind('mx1') },
  {
    when: '`550 5.7.1` to RCPT at the fallback',
    hops: { mx1: null, mx9: { RCPT: '550 5.7.1 we do not relay' } },
    ...behind('mx1'),
  },
];

function from(...addresses: readonly string[]): Pick<Row, 'relay'> {
  const out = addresses.map((address) => ({ address, helo: 'out.a.example' }));
  const pools = { out: { addresses: out, choose: 'hash' } } as const;
  return { relay: { pools, source: 'out' } };
}

export const SOURCES: readonly Row[] = [
  { when: 'an address of this machine', ...from('127.0.0.77') },
  { when: 'an address that this machine has not', ...from('192.0.2.77') },
  { when: 'a pool without an address of the family of the host', ...from('::1') },
  {
    when: 'a pool without the family of the first host',
    hops: { mx1: {}, mx2: {} },
    zone: [
      'b.example MX 10 six.b.example',
      'b.example MX 20 mx2.b.example',
      'six.b.example AAAA ::1',
      'mx2.b.example A 127.0.0.2',
    ],
    ...from('127.0.0.77'),
  },
  {
    when: '`554` to EHLO by the name of one address',
    hops: { mx1: { EHLO: '554 5.7.1 we do not like out.a.example', HELO: '554 5.7.1 no' } },
    ...from('127.0.0.77'),
  },
];
