// Until a message can be handed over: the connection, the greeting, EHLO, STARTTLS and AUTH.

import { CA_FILE, EXPIRED, GOOD, GOOD_FOR_SECOND, OF_OTHERS } from './certificates.ts';
import type { Row } from './stage.ts';
import { says, stall } from './stall.ts';

const verify = { tls: 'verify', caFile: CA_FILE } as const;
const login = {
  smarthost: '[mx1.b.example]',
  auth: { '[mx1.b.example]': { user: 'u', password: 'p', authWithoutTls: true } },
} as const;
const byToken = {
  smarthost: '[mx1.b.example]',
  auth: { '[mx1.b.example]': { user: 'u', token: 't', authWithoutTls: true } },
} as const;
const offersAuth = ['PIPELINING', 'AUTH PLAIN'];

export const CONNECTION: readonly Row[] = [
  { when: 'nobody listens', hops: { mx1: null } },
  { when: 'nobody listens at the first, the second takes it', hops: { mx1: null, mx2: {} } },
  { when: 'nobody listens at any of three', hops: { mx1: null, mx2: null, mx3: null } },
  { when: 'the connection is closed at once', hops: { mx1: { greeting: 'DROP' } } },
  { when: 'no greeting within 5m', hops: { mx1: { greeting: 'SILENCE' } }, during: stall },
  {
    when: 'no greeting within 5m, the second takes it',
    hops: { mx1: { greeting: 'SILENCE' }, mx2: {} },
    during: stall,
  },
  {
    when: 'the greeting takes 4m',
    hops: { mx1: { greeting: 'SILENCE' } },
    during: says('220 at last', 4),
  },
  { when: '`421` as greeting', hops: { mx1: { greeting: '421 4.3.2 busy' } } },
  { when: '`421` as greeting, the second takes it', hops: { mx1: { greeting: '421 busy' }, mx2: {} } },
  { when: '`450 4.7.1` as greeting', hops: { mx1: { greeting: '450 4.7.1 not now' } } },
  { when: '`554 5.7.1` as greeting', hops: { mx1: { greeting: '554 5.7.1 we do not like you' } } },
  { when: '`554` as greeting, the second takes it', hops: { mx1: { greeting: '554 no' }, mx2: {} } },
  { when: '`521` as greeting', hops: { mx1: { greeting: '521 no mail here' } } },
  { when: '`521` as greeting, the second takes it', hops: { mx1: { greeting: '521 no' }, mx2: {} } },
  { when: 'a greeting that is not SMTP', hops: { mx1: { greeting: 'SSH-2.0-OpenSSH_9.2' } } },
  { when: 'a greeting without end', hops: { mx1: { greeting: `220 ${'x'.repeat(100_000)}` } } },
];

export const EHLO: readonly Row[] = [
  { when: '`500` to EHLO, HELO is known', hops: { mx1: { EHLO: '500 what?' } } },
  { when: '`502` to EHLO, `550` to HELO', hops: { mx1: { EHLO: '502 what?', HELO: '550 no' } } },
  { when: '`550 5.7.1` to EHLO and HELO', hops: { mx1: { EHLO: '550 5.7.1 no', HELO: '550 5.7.1 no' } } },
  { when: '`502` to EHLO, `451` to HELO', hops: { mx1: { EHLO: '502 what?', HELO: '451 4.3.0 later' } } },
  { when: '`451` to EHLO', hops: { mx1: { EHLO: '451 4.3.0 later' } } },
  { when: '`421` to EHLO', hops: { mx1: { EHLO: '421 4.7.0 too fast' } } },
  { when: '`421` to EHLO, the second takes it', hops: { mx1: { EHLO: '421 no' }, mx2: {} } },
  { when: 'dropped at EHLO', hops: { mx1: { EHLO: 'DROP' } } },
  { when: 'no reply to EHLO within 5m', hops: { mx1: { EHLO: 'SILENCE' } }, during: stall },
  { when: 'dropped at HELO', hops: { mx1: { EHLO: '500 what?', HELO: 'DROP' } } },
  {
    when: 'no reply to HELO within 5m',
    hops: { mx1: { EHLO: '500 what?', HELO: 'SILENCE' } },
    during: stall,
  },
  {
    when: 'SIZE is too small for the message',
    hops: { mx1: { keywords: ['PIPELINING', 'SIZE 30'] } },
  },
  { when: 'eight bits, 8BITMIME is not offered', hops: { mx1: { keywords: [] } }, body: '\xe9' },
  {
    when: 'an address in UTF-8, SMTPUTF8 is not offered',
    hops: { mx1: { keywords: [] } },
    mailParameters: ' SMTPUTF8',
    to: ['é@b.example'],
  },
  { when: 'BINARYMIME, which is not offered', binary: true, mailParameters: ' BODY=BINARYMIME' },
];

export const TLS: readonly Row[] = [
  { when: '`454` to STARTTLS, `tls: may`', hops: { mx1: { STARTTLS: '454 4.7.0 not now' } } },
  {
    when: '`454` to STARTTLS, `tls: encrypt`',
    hops: { mx1: { STARTTLS: '454 4.7.0 not now' } },
    relay: { tls: 'encrypt' },
  },
  { when: '`554` to STARTTLS, `tls: may`', hops: { mx1: { STARTTLS: '554 5.7.0 never' } } },
  {
    when: '`554` to STARTTLS, `tls: encrypt`',
    hops: { mx1: { STARTTLS: '554 5.7.0 never' } },
    relay: { tls: 'encrypt' },
  },
  { when: '`421` to STARTTLS, `tls: may`', hops: { mx1: { STARTTLS: '421 4.3.2 enough' } } },
  { when: 'STARTTLS is not offered, `tls: encrypt`', relay: { tls: 'encrypt' } },
  {
    when: 'STARTTLS is not offered, `tls: encrypt`, the second has it',
    hops: { mx1: {}, mx2: { tls: OF_OTHERS } },
    relay: { tls: 'encrypt' },
  },
  { when: 'dropped at STARTTLS, `tls: may`', hops: { mx1: { STARTTLS: 'DROP' } } },
  {
    when: 'dropped at STARTTLS, `tls: encrypt`',
    hops: { mx1: { STARTTLS: 'DROP' } },
    relay: { tls: 'encrypt' },
  },
  {
    when: 'no reply to STARTTLS within 5m, `tls: may`',
    hops: { mx1: { STARTTLS: 'SILENCE' } },
    during: stall,
  },
  {
    when: 'no handshake within 30s behind `220`, `tls: may`',
    hops: { mx1: { STARTTLS: '220 go on' } },
    async during({ hops, pass, until }) {
      await until(() => hops.mx1?.sessions[0]?.lines.includes('STARTTLS') === true);
      await pass(32_000);
    },
  },
  {
    when: 'octets in clear behind the `220` to STARTTLS, `tls: encrypt`',
    hops: { mx1: { STARTTLS: '220 go on\r\n250 hop.example' } },
    relay: { tls: 'encrypt' },
  },
  { when: 'any certificate, `tls: may`', hops: { mx1: { tls: EXPIRED } } },
  { when: 'any certificate, `tls: encrypt`', hops: { mx1: { tls: OF_OTHERS } }, relay: { tls: 'encrypt' } },
  { when: 'the right certificate, `tls: verify`', hops: { mx1: { tls: GOOD } }, relay: verify },
  { when: 'a certificate for others, `tls: verify`', hops: { mx1: { tls: OF_OTHERS } }, relay: verify },
  { when: 'an expired certificate, `tls: verify`', hops: { mx1: { tls: EXPIRED } }, relay: verify },
  {
    when: 'a certificate that nobody vouches for, `tls: verify`',
    hops: { mx1: { tls: GOOD } },
    relay: { tls: 'verify' },
  },
  {
    when: 'a wrong certificate, `tls: verify`, the second has the right one',
    hops: { mx1: { tls: OF_OTHERS }, mx2: { tls: GOOD_FOR_SECOND } },
    relay: verify,
  },
];

export const AUTH: readonly Row[] = [
  { when: 'the login is accepted', hops: { mx1: { keywords: offersAuth } }, relay: login },
  {
    when: '`535` to AUTH',
    hops: { mx1: { keywords: offersAuth, AUTH: '535 5.7.8 wrong' } },
    relay: login,
  },
  {
    when: '`454` to AUTH',
    hops: { mx1: { keywords: offersAuth, AUTH: '454 4.7.0 not now' } },
    relay: login,
  },
  { when: '`421` to AUTH', hops: { mx1: { keywords: offersAuth, AUTH: '421 no' } }, relay: login },
  { when: 'AUTH is not offered', relay: login },
  {
    when: 'no mechanism is offered that we have',
    hops: { mx1: { keywords: ['AUTH GSSAPI DIGEST-MD5'] } },
    relay: login,
  },
  {
    when: 'SCRAM-SHA-256, and the server does not prove that it knows the password',
    hops: { mx1: { keywords: ['AUTH SCRAM-SHA-256 PLAIN'], AUTH: '235 2.7.0 ok' } },
    relay: login,
  },
  {
    when: 'LOGIN, and the password is refused',
    hops: {
      mx1: { keywords: ['AUTH LOGIN'], AUTH: ['334 VXNlcm5hbWU6', '334 UGFzc3dvcmQ6', '535 5.7.8 wrong'] },
    },
    relay: login,
  },
  { when: 'XOAUTH2, and the token is taken', hops: { mx1: { keywords: ['AUTH XOAUTH2'] } }, relay: byToken },
  {
    when: 'XOAUTH2, and the token has expired',
    hops: { mx1: { keywords: ['AUTH XOAUTH2'], AUTH: ['334 eyJzdGF0dXMiOiI0MDEifQ==', '535 5.7.8 no'] } },
    relay: byToken,
  },
  {
    when: 'no STARTTLS, and the login needs TLS',
    hops: { mx1: { keywords: offersAuth } },
    relay: {
      smarthost: '[mx1.b.example]',
      tls: 'encrypt',
      auth: { '[mx1.b.example]': { user: 'u', password: 'p' } },
    },
  },
  { when: 'dropped at AUTH', hops: { mx1: { keywords: offersAuth, AUTH: 'DROP' } }, relay: login },
  {
    when: 'no reply to AUTH within 5m',
    hops: { mx1: { keywords: offersAuth, AUTH: 'SILENCE' } },
    relay: login,
    during: stall,
  },
];
