// What is not one dialogue: the hosts that DNS names, connections that are kept, providers with limits, and time.

import type { Row } from './stage.ts';
import { stall } from './stall.ts';

const MX1 = ['b.example MX 10 mx1.b.example', 'mx1.b.example A 127.0.0.1'];
const MX2 = ['b.example MX 20 mx2.b.example', 'mx2.b.example A 127.0.0.2'];
const three = ['b', 'c', 'd'].map((name) => `${name}@b.example`);

export const HOSTS: readonly Row[] = [
  { when: 'no MX, an A record', zone: ['b.example A 127.0.0.1'] },
  { when: 'no MX, an AAAA record', hops: { six: {} }, zone: ['b.example AAAA ::1'] },
  { when: 'an MX with an AAAA record only', hops: { six: {} } },
  {
    when: 'an MX with both; nobody listens at one',
    hops: { mx1: {}, six: null },
    zone: [...MX1, 'mx1.b.example AAAA ::1'],
  },
  { when: 'the null MX', zone: ['b.example MX 0 .', 'b.example A 127.0.0.1'] },
  { when: 'a null MX beside another', zone: ['b.example MX 0 .', ...MX1] },
  { when: 'no such domain', zone: [] },
  { when: 'the domain has neither MX nor address', zone: ['b.example TXT nothing'] },
  { when: 'the MX has no address', zone: ['b.example MX 10 mx1.b.example'] },
  {
    when: 'the MX has no address, the second has',
    zone: ['b.example MX 10 mx1.b.example', ...MX2],
    hops: { mx2: {} },
  },
  { when: 'an MX that is an address', zone: ['b.example MX 10 127.0.0.1'] },
  { when: 'SERVFAIL for the MX', zone: ['b.example MX SERVFAIL'] },
  { when: 'no answer about the MX', zone: ['b.example MX SILENCE'], dnsTimeout: 50 },
  {
    when: 'SERVFAIL for the address of the MX',
    zone: ['b.example MX 10 mx1.b.example', 'mx1.b.example A SERVFAIL', 'mx1.b.example AAAA SERVFAIL'],
  },
  {
    when: 'no answer about the address of the MX',
    zone: ['b.example MX 10 mx1.b.example', 'mx1.b.example A SILENCE', 'mx1.b.example AAAA SILENCE'],
    dnsTimeout: 50,
  },
  {
    when: 'SERVFAIL for the first MX, the second is known',
    zone: [
      'b.example MX 10 mx1.b.example',
      'mx1.b.example A SERVFAIL',
      'mx1.b.example AAAA SERVFAIL',
      ...MX2,
    ],
    hops: { mx2: {} },
  },
  { when: 'SERVFAIL for the MX, later known', zone: ['b.example MX SERVFAIL'], attempts: 2, laterZone: MX1 },
  {
    when: 'the domain is an alias',
    zone: ['b.example CNAME b2.example', 'b2.example MX 10 mx1.b.example', 'mx1.b.example A 127.0.0.1'],
  },
  {
    when: 'the MX is an alias',
    zone: [
      'b.example MX 10 mx1.b.example',
      'mx1.b.example CNAME host.b.example',
      'host.b.example A 127.0.0.1',
    ],
  },
  { when: 'the MX are listed the worse one first', zone: [...MX2, ...MX1], hops: { mx1: {}, mx2: {} } },
  { when: 'four MX, only the last listens', hops: { mx1: null, mx2: null, mx3: null, mx4: {} } },
  {
    when: 'two of equal preference, one does not listen',
    hops: { mx1: null, mx2: {} },
    zone: [...MX1, 'b.example MX 10 mx2.b.example', 'mx2.b.example A 127.0.0.2'],
  },
  {
    when: 'an MX with two addresses, nobody listens at one',
    hops: { mx1: null, mx2: {} },
    zone: [...MX1, 'mx1.b.example A 127.0.0.2'],
  },
  { when: 'the only MX has our name', zone: ['b.example MX 10 house.example', 'house.example A 127.0.0.1'] },
  { when: 'the only MX has an address that we listen on', hops: { mx1: null }, listensThere: true },
  {
    when: 'we are the second MX, nobody listens at the first',
    hops: { mx1: null },
    zone: [...MX1, 'b.example MX 20 house.example', 'house.example A 127.0.0.3'],
  },
  {
    when: 'we are the first MX, another is behind us',
    zone: ['b.example MX 5 house.example', 'house.example A 127.0.0.3', ...MX1],
  },
  {
    when: 'the smarthost has no address',
    zone: ['b.example A 127.0.0.1'],
    relay: { smarthost: '[hub.example]' },
  },
  {
    when: 'no MX of the domain is asked for with a smarthost',
    zone: ['b.example MX SERVFAIL', 'mx1.b.example A 127.0.0.1'],
    relay: { smarthost: '[mx1.b.example]' },
  },
];

export const KEPT: readonly Row[] = [
  { when: 'a second message within 5s', before: 1 },
  {
    when: 'the kept connection was closed meanwhile',
    before: 1,
    hops: { mx1: (connection) => (connection === 1 ? { MAIL: ['250 ok', 'DROP'] } : {}) },
  },
  {
    when: '`421` to MAIL on a kept connection',
    before: 1,
    hops: { mx1: (connection) => (connection === 1 ? { MAIL: ['250 ok', '421 4.7.0 idle too long'] } : {}) },
  },
  {
    when: 'RSET is refused on a kept connection',
    before: 1,
    hops: {
      mx1: (connection) =>
        connection === 1 ? { RCPT: ['550 no', '250 ok'], keywords: [], RSET: '502 what?' } : {},
    },
  },
  {
    when: 'dropped at RSET on a kept connection',
    before: 1,
    hops: {
      mx1: (connection) =>
        connection === 1 ? { RCPT: ['550 no', '250 ok'], keywords: [], RSET: 'DROP' } : {},
    },
  },
  {
    when: 'no reply to RSET within 5m on a kept connection',
    before: 1,
    hops: {
      mx1: (connection) =>
        connection === 1 ? { RCPT: ['550 no', '250 ok'], keywords: [], RSET: 'SILENCE' } : {},
    },
    during: stall,
  },
  { when: '`421` to QUIT', hops: { mx1: { QUIT: '421 bye' } }, relay: { messagesPerConnection: 1 } },
  { when: 'dropped at QUIT', hops: { mx1: { QUIT: 'DROP' } }, relay: { messagesPerConnection: 1 } },
];

export const PROVIDERS: readonly Row[] = [
  {
    when: 'too many connections: `421 4.7.0` as greeting, then taken',
    hops: { mx1: (connection) => (connection === 1 ? { greeting: '421 4.7.0 too many connections' } : {}) },
    attempts: 2,
  },
  {
    when: 'too many messages on a connection: `421` to the second MAIL',
    before: 1,
    hops: {
      mx1: (connection) => (connection === 1 ? { MAIL: ['250 ok', '421 4.7.0 too many messages'] } : {}),
    },
  },
  {
    when: 'too many messages on a connection: `452 4.5.3` to the second MAIL',
    before: 1,
    hops: {
      mx1: (connection) => (connection === 1 ? { MAIL: ['250 ok', '452 4.5.3 too many messages'] } : {}),
    },
  },
  {
    when: 'too many recipients: `452 4.5.3` to the third RCPT',
    hops: { mx1: { RCPT: ['250 ok', '250 ok', '452 4.5.3 too many', '250 ok'] } },
    to: three,
    attempts: 2,
  },
  {
    when: 'too many recipients: `552` to the third RCPT, without a status',
    hops: { mx1: { RCPT: ['250 ok', '250 ok', '552 too many', '250 ok'] } },
    to: three,
    attempts: 2,
  },
  {
    when: 'LIMITS RCPTMAX=2, three recipients',
    hops: { mx1: { keywords: ['PIPELINING', 'LIMITS RCPTMAX=2'] } },
    to: three,
  },
  {
    when: 'LIMITS RCPTMAX=1 MAILMAX=2, three recipients',
    hops: { mx1: { keywords: ['PIPELINING', 'LIMITS RCPTMAX=1 MAILMAX=2'] } },
    to: three,
  },
  { when: 'too much mail: `450 4.7.28` to RCPT', hops: { mx1: { RCPT: '450 4.7.28 unusual rate of mail' } } },
  { when: 'out of memory: `452 4.3.1` to RCPT', hops: { mx1: { RCPT: '452 4.3.1 insufficient storage' } } },
];

const short = { expireAfter: '20m', delayWarningAfter: 0 };

export const TIME: readonly Row[] = [
  { when: 'nobody listens until the message expires', hops: { mx1: null }, delivery: short, attempts: 9 },
  {
    when: '`450 4.2.0` to RCPT until the message expires',
    hops: { mx1: { RCPT: '450 4.2.0 later' } },
    delivery: short,
    attempts: 9,
  },
  {
    when: '`450 4.2.0` to RCPT for longer than `delayWarningAfter`',
    hops: { mx1: { RCPT: '450 4.2.0 later' } },
    delivery: { delayWarningAfter: '5m' },
    attempts: 3,
  },
  { when: '`550 5.1.1` to RCPT, the sender is null', hops: { mx1: { RCPT: '550 5.1.1 no' } }, from: '' },
  {
    when: '`550 5.1.1` to RCPT, NOTIFY=NEVER',
    hops: { mx1: { RCPT: '550 5.1.1 no' } },
    rcptParameters: ' NOTIFY=NEVER',
  },
  {
    when: '`550 5.1.1` to RCPT, NOTIFY=SUCCESS',
    hops: { mx1: { RCPT: '550 5.1.1 no' } },
    rcptParameters: ' NOTIFY=SUCCESS',
  },
  { when: 'taken, NOTIFY=SUCCESS, DSN is offered', rcptParameters: ' NOTIFY=SUCCESS' },
  {
    when: 'taken, NOTIFY=SUCCESS, DSN is not offered',
    hops: { mx1: { keywords: [] } },
    rcptParameters: ' NOTIFY=SUCCESS',
  },
];
