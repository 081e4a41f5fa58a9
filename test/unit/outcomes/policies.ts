// What domains publish about their TLS: TLSA records that DNSSEC secures (DANE, RFC 7672), and policies (MTA-STS, RFC 8461).

import { CA_FILE, GOOD, GOOD_FOR_SECOND, OF_OTHERS, tlsaOf } from './certificates.ts';
import type { Row } from './stage.ts';

const dane = { signed: true, relay: { tls: 'dane' } } as const;
const first = `_PORT._tcp.mx1.b.example TLSA ${tlsaOf(GOOD)}`;
const second = `_PORT._tcp.mx2.b.example TLSA ${tlsaOf(GOOD_FOR_SECOND)}`;

export const DANE: readonly Row[] = [
  { when: 'the certificate of its TLSA record', hops: { mx1: { tls: GOOD } }, alsoInZone: [first], ...dane },
  { when: 'another certificate', hops: { mx1: { tls: OF_OTHERS } }, alsoInZone: [first], ...dane },
  {
    when: 'another certificate, the second has that of its record',
    hops: { mx1: { tls: OF_OTHERS }, mx2: { tls: GOOD_FOR_SECOND } },
    alsoInZone: [first, second],
    ...dane,
  },
  { when: 'a TLSA record, STARTTLS is not offered', alsoInZone: [first], ...dane },
  {
    when: 'a TLSA record, `454` to STARTTLS',
    hops: { mx1: { STARTTLS: '454 4.7.0 not now' } },
    alsoInZone: [first],
    ...dane,
  },
  {
    when: 'a TLSA record, later the right certificate',
    hops: { mx1: (connection) => ({ tls: connection === 1 ? OF_OTHERS : GOOD }) },
    alsoInZone: [first],
    attempts: 2,
    ...dane,
  },
  { when: 'no TLSA record', ...dane },
  { when: 'no TLSA record, `tls: dane-only`', ...dane, relay: { tls: 'dane-only' } },
  {
    when: 'another certificate, the zone is not signed',
    hops: { mx1: { tls: OF_OTHERS } },
    alsoInZone: [first],
    ...dane,
    signed: false,
  },
  {
    when: 'SERVFAIL for the TLSA record',
    hops: { mx1: { tls: GOOD } },
    alsoInZone: ['_PORT._tcp.mx1.b.example TLSA SERVFAIL'],
    ...dane,
  },
];

const published = (mode: string, mx: string): string =>
  `version: STSv1\nmode: ${mode}\nmx: ${mx}\nmax_age: 86400\n`;
const enforce = { policy: published('enforce', 'mx1.b.example'), relay: sts('mta-sts') };
const testing = { policy: published('testing', 'mx1.b.example'), relay: sts('mta-sts') };

function sts<const Level extends string>(tls: Level) {
  return { tls, caFile: CA_FILE };
}

export const MTA_STS: readonly Row[] = [
  { when: '`enforce`, the right certificate', hops: { mx1: { tls: GOOD } }, ...enforce },
  { when: '`enforce`, a certificate for others', hops: { mx1: { tls: OF_OTHERS } }, ...enforce },
  { when: '`enforce`, STARTTLS is not offered', ...enforce },
  {
    when: '`enforce`, the policy does not name the host',
    hops: { mx1: { tls: GOOD } },
    ...enforce,
    policy: published('enforce', 'mx9.b.example'),
  },
  {
    when: '`enforce`, the policy names the second alone',
    hops: { mx1: { tls: GOOD }, mx2: { tls: GOOD_FOR_SECOND } },
    ...enforce,
    policy: published('enforce', 'mx2.b.example'),
  },
  { when: '`testing`, a certificate for others', hops: { mx1: { tls: OF_OTHERS } }, ...testing },
  { when: '`testing`, STARTTLS is not offered', ...testing },
  {
    when: '`testing`, the policy does not name the host',
    hops: { mx1: { tls: GOOD } },
    ...testing,
    policy: published('testing', 'mx9.b.example'),
  },
  {
    when: 'a policy that cannot be had',
    alsoInZone: ['_mta-sts.b.example TXT v=STSv1; id=1', 'mta-sts.b.example A SERVFAIL'],
    relay: sts('mta-sts'),
    policy: '',
  },
  {
    when: '`enforce`, the certificate of its TLSA record, `tls: published`',
    hops: { mx1: { tls: GOOD } },
    alsoInZone: [first],
    signed: true,
    policy: enforce.policy,
    relay: sts('published'),
  },
  {
    when: '`enforce`, the right certificate, and another TLSA record, `tls: published`',
    hops: { mx1: { tls: GOOD } },
    alsoInZone: [first.replace(tlsaOf(GOOD), tlsaOf(OF_OTHERS))],
    signed: true,
    policy: enforce.policy,
    relay: sts('published'),
  },
];
