import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { destinationsOf, nameOf } from '../src/record.ts';
import { DayReports, packedReport, reportJson, reportMail } from '../src/report.ts';
import { type Attempted, type Row, rowOf } from '../src/row.ts';
import { facts, STS } from './facts.ts';

const REPORTER = { organization: 'House', from: 'tls@house.example', hostname: 'mx.house.example' };
const BOUNDS = { failures: 100, domains: 100 };
const row = (over: Partial<Attempted> = {}): Row => rowOf(facts(over)) as Row;
const expired = { result: 'certificate-expired', text: 'its certificate has expired' };

function reportOf(...rows: readonly (readonly [Row, number])[]) {
  const reports = new DayReports('2026-01-05', BOUNDS);
  for (const [one, count] of rows) reports.add(one, count);
  return [...reports];
}

test('a day of one domain as JSON, policy by policy', () => {
  const dane = { type: 'tlsa', domain: 'mx.a.example', strings: ['3 1 1 AB'], hosts: [] } as const;
  const { published: _, ...plain } = facts();
  const [report] = reportOf(
    [row(), 5],
    [row(expired), 2],
    [row(expired), 1],
    [row({ ...expired, host: 'mx2.a.example', address: '' }), 1],
    [row({ published: dane }), 3],
    [rowOf({ ...plain, result: 'starttls-not-supported' }) as Row, 4],
  );
  assert.ok(report);
  assert.deepEqual(JSON.parse(reportJson(report, REPORTER)), {
    'organization-name': 'House',
    'date-range': { 'start-datetime': '2026-01-05T00:00:00Z', 'end-datetime': '2026-01-05T23:59:59Z' },
    'contact-info': 'tls@house.example',
    'report-id': '2026-01-05T00:00:00Z_a.example',
    policies: [
      {
        policy: {
          'policy-type': 'sts',
          'policy-domain': 'a.example',
          'policy-string': STS.strings,
          'mx-host': ['*.a.example'],
        },
        summary: { 'total-successful-session-count': 5, 'total-failure-session-count': 4 },
        'failure-details': [
          {
            'result-type': 'certificate-expired',
            'sending-mta-ip': '198.51.100.1',
            'receiving-mx-hostname': 'mx.a.example',
            'receiving-ip': '192.0.2.25',
            'failed-session-count': 3,
            'failure-reason-code': 'its certificate has expired',
          },
          {
            'result-type': 'certificate-expired',
            'sending-mta-ip': '198.51.100.1',
            'receiving-mx-hostname': 'mx2.a.example',
            'failed-session-count': 1,
            'failure-reason-code': 'its certificate has expired',
          },
        ],
      },
      {
        policy: { 'policy-type': 'tlsa', 'policy-domain': 'mx.a.example', 'policy-string': ['3 1 1 AB'] },
        summary: { 'total-successful-session-count': 3, 'total-failure-session-count': 0 },
      },
      {
        policy: { 'policy-type': 'no-policy-found', 'policy-domain': 'a.example' },
        summary: { 'total-successful-session-count': 0, 'total-failure-session-count': 4 },
        'failure-details': [
          {
            'result-type': 'starttls-not-supported',
            'sending-mta-ip': '198.51.100.1',
            'receiving-mx-hostname': 'mx.a.example',
            'receiving-ip': '192.0.2.25',
            'failed-session-count': 4,
          },
        ],
      },
    ],
  });
});

test('the message has the fields of RFC 8460 §5.3, and may go without TLS', () => {
  const [report] = reportOf([row(), 1]);
  assert.ok(report);
  const packed = packedReport(report, REPORTER);
  const { fields, multipart, parts } = reportMail(report, REPORTER, { to: 'r@a.example', packed });
  assert.equal(multipart, 'report; report-type="tlsrpt"');
  assert.deepEqual(fields, [
    ['From', '<tls@house.example>'],
    ['To', '<r@a.example>'],
    [
      'Subject',
      'Report Domain: a.example Submitter: mx.house.example Report-ID: <2026-01-05T00:00:00Z_a.example>',
    ],
    ['TLS-Report-Domain', 'a.example'],
    ['TLS-Report-Submitter', 'mx.house.example'],
    ['TLS-Required', 'No'],
  ]);
  const attached = parts.at(-1);
  assert.equal(attached?.type, 'application/tlsrpt+gzip');
  assert.deepEqual(attached?.fields, [
    [
      'Content-Disposition',
      'attachment; filename="mx.house.example!a.example!1767571200!1767657599.json.gz"',
    ],
  ]);
  assert.equal(gunzipSync(attached?.content as Uint8Array).toString(), reportJson(report, REPORTER));
});

test('domains, policies and kinds of failures are bounded, and what is there is still counted', () => {
  const reports = new DayReports('2026-01-05', { failures: 1, domains: 1 });
  reports.add(row(expired), 1);
  reports.add(row({ ...expired, host: 'mx2.a.example' }), 1);
  reports.add(row({ domain: 'b.example' }), 1);
  reports.add(row(expired), 4);
  for (let n = 0; n < 200; n++) reports.add(row({ published: { ...STS, strings: [String(n)] } }), 1);
  const all = [...reports];
  assert.deepEqual(
    all.map(({ domain }) => domain),
    ['a.example'],
  );
  const [first] = all[0]?.policies ?? [];
  assert.equal(all[0]?.policies.length, 100);
  assert.equal(first?.failures, 6);
  assert.deepEqual(
    [...(first?.details.values() ?? [])].map(({ count }) => count),
    [5],
  );
});

test('hosts that the operator has named, mail of our own and names that are none are not counted', () => {
  const { domain: _, ...named } = facts();
  assert.equal(rowOf(named), undefined);
  assert.equal(rowOf(facts({ plugin: 'report-tls' })), undefined);
  assert.equal(rowOf(facts({ domain: 'a.example\r\nX: y' })), undefined);
});

describe('the record', () => {
  const table: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ['one address', ['v=TLSRPTv1; rua=mailto:a@b.example'], ['a@b.example']],
    [
      'mail and HTTPS, in any case, percent-encoded',
      ['v=TLSRPTv1;rua=MAILTO:a%2Bx@b.example , https://b.example/tls?x=1'],
      ['a+x@b.example', 'https://b.example/tls?x=1'],
    ],
    ['beside other records', ['v=spf1 -all', 'v=TLSRPTv1; rua=mailto:a@b.example'], ['a@b.example']],
    ['two are none', ['v=TLSRPTv1; rua=mailto:a@b.example', 'v=TLSRPTv1; rua=mailto:c@b.example'], []],
    ['no record', [], []],
    ['no rua', ['v=TLSRPTv1;'], []],
    ['another version', ['v=TLSRPTv10; rua=mailto:a@b.example'], []],
    ['other schemes', ['v=TLSRPTv1; rua=http://b.example/,ftp://b.example/'], []],
    ['what is no address', ['v=TLSRPTv1; rua=mailto:a@b@c,mailto:%0d%0aX,mailto:a@[192.0.2.1],https://'], []],
    ['a URL with a password', ['v=TLSRPTv1; rua=https://u:p@b.example/'], []],
    [
      'five at most',
      [`v=TLSRPTv1; rua=${'mailto:a@b.example,'.repeat(9)}`],
      new Array<string>(5).fill('a@b.example'),
    ],
  ];
  for (const [what, records, expected] of table) {
    test(what, () => assert.deepEqual(destinationsOf(records).map(nameOf), expected));
  }
});
