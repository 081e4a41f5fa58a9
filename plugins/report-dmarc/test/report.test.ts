import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { talliedRow } from '@posthouse/core/reporting';
import { fakeResolver } from '@posthouse/core/testing';
import fc from 'fast-check';
import { reportAddresses, takesReports } from '../src/destinations.ts';
import { Gatherer } from '../src/gatherer.ts';
import { DayReports, packedReport, reportMail, reportXml } from '../src/report.ts';
import { type Row, rowOf } from '../src/row.ts';
import { facts } from './facts.ts';

const REPORTER = {
  organization: 'House & Sons',
  from: 'postmaster@house.example',
  hostname: 'mx.house.example',
};
const BOUNDS = { rows: 100, domains: 100 };
const row = (over: Parameters<typeof facts>[0] = {}): Row => rowOf(facts(over)) as Row;

function reportOf(...rows: readonly (readonly [Row, number])[]) {
  const reports = new DayReports('2026-01-05', BOUNDS);
  for (const [one, count] of rows) reports.add(one, count);
  return [...reports];
}

test('a day of one domain as XML', () => {
  const [report] = reportOf(
    [row(), 2],
    [row({ applied: 'quarantine', override: 'sampled_out', of: { result: 'fail', spfAligned: false } }), 1],
    [row(), 3],
  );
  assert.ok(report);
  assert.equal(
    reportXml(report, REPORTER),
    `<?xml version="1.0" encoding="UTF-8"?>
<feedback>
  <version>1.0</version>
  <report_metadata>
    <org_name>House &amp; Sons</org_name>
    <email>postmaster@house.example</email>
    <report_id>20260105.a.example</report_id>
    <date_range><begin>1767571200</begin><end>1767657599</end></date_range>
  </report_metadata>
  <policy_published>
    <domain>a.example</domain>
    <adkim>s</adkim>
    <p>reject</p>
    <sp>quarantine</sp>
    <pct>50</pct>
  </policy_published>
  <record>
    <row>
      <source_ip>192.0.2.1</source_ip>
      <count>5</count>
      <policy_evaluated><disposition>none</disposition><dkim>fail</dkim><spf>pass</spf></policy_evaluated>
    </row>
    <identifiers><envelope_from>mail.a.example</envelope_from><header_from>a.example</header_from></identifiers>
    <auth_results>
      <dkim><domain>a.example</domain><selector>s</selector><result>fail</result></dkim>
      <spf><domain>mail.a.example</domain><scope>mfrom</scope><result>pass</result></spf>
    </auth_results>
  </record>
  <record>
    <row>
      <source_ip>192.0.2.1</source_ip>
      <count>1</count>
      <policy_evaluated><disposition>quarantine</disposition><dkim>fail</dkim><spf>fail</spf><reason><type>sampled_out</type></reason></policy_evaluated>
    </row>
    <identifiers><envelope_from>mail.a.example</envelope_from><header_from>a.example</header_from></identifiers>
    <auth_results>
      <dkim><domain>a.example</domain><selector>s</selector><result>fail</result></dkim>
      <spf><domain>mail.a.example</domain><scope>mfrom</scope><result>pass</result></spf>
    </auth_results>
  </record>
</feedback>
`,
  );
});

test('whatever strangers call themselves, the XML stays what it is', () => {
  const any = fc.string({ unit: 'binary', maxLength: 40 });
  fc.assert(
    fc.property(any, any, any, (from, selector, record) => {
      const one = row({
        dkim: [{ result: 'fail', domain: from || 'x', selector, reason: '' }],
        of: { from, record: `v=DMARC1; p=none; fo=${record}` },
      });
      const [report] = reportOf([one, 1]);
      assert.ok(report);
      const xml = reportXml(report, REPORTER);
      const outside = xml.replace(/<\/?[a-z_]+>|<\?xml[^?]*\?>/g, '');
      assert.ok(!/[<>]/.test(outside) && !/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]/.test(xml));
    }),
  );
});

test('the message carries it gzipped, named as the receivers read it', () => {
  const [report] = reportOf([row(), 1]);
  assert.ok(report);
  const packed = packedReport(report, REPORTER);
  const { fields, parts } = reportMail(report, REPORTER, { to: 'r@a.example', packed });
  assert.deepEqual(fields, [
    ['From', '<postmaster@house.example>'],
    ['To', '<r@a.example>'],
    ['Subject', 'Report Domain: a.example Submitter: mx.house.example Report-ID: <20260105.a.example>'],
  ]);
  const attached = parts.at(-1);
  assert.deepEqual(attached?.fields, [
    ['Content-Disposition', 'attachment; filename="mx.house.example!a.example!1767571200!1767657599.xml.gz"'],
  ]);
  assert.equal(gunzipSync(attached?.content as Uint8Array).toString(), reportXml(report, REPORTER));
});

test('rows and domains are bounded, and what is there is still counted', () => {
  const reports = new DayReports('2026-01-05', { rows: 1, domains: 1 });
  reports.add(row(), 1);
  reports.add(row({ remoteAddress: '192.0.2.2' }), 1);
  reports.add(row({ of: { policyDomain: 'b.example' } }), 1);
  reports.add(row(), 4);
  const all = [...reports];
  assert.deepEqual(
    all.map(({ domain }) => domain),
    ['a.example'],
  );
  assert.deepEqual(
    [...(all[0]?.rows.values() ?? [])].map(({ count }) => count),
    [5],
  );
});

describe('rua', () => {
  const table: readonly (readonly [string, string, readonly string[]])[] = [
    ['one address', 'v=DMARC1; p=none; rua=mailto:a@b.example', ['a@b.example Infinity']],
    [
      'several, with limits',
      'v=DMARC1; rua=mailto:a@b.example!10m , mailto:c@d.example!5',
      ['a@b.example 10485760', 'c@d.example 5'],
    ],
    [
      'in any case, percent-encoded, with a query',
      'V=DMARC1; RUA=MAILTO:a%2Bx@b.example?subject=y',
      ['a+x@b.example Infinity'],
    ],
    [
      'other schemes are left out',
      'v=DMARC1; rua=https://x.example/,mailto:a@b.example',
      ['a@b.example Infinity'],
    ],
    [
      'what is no address is left out',
      'v=DMARC1; rua=mailto:a@b@c,mailto:%0d%0aX,mailto:%zz,mailto:,a@b.example',
      [],
    ],
    ['an address literal is left out', 'v=DMARC1; rua=mailto:a@[192.0.2.1]', []],
    ['none', 'v=DMARC1; p=none', []],
    [
      'five at most',
      `v=DMARC1; rua=${'mailto:a@b.example,'.repeat(9)}`,
      new Array(5).fill('a@b.example Infinity'),
    ],
  ];
  for (const [what, record, expected] of table) {
    test(what, () =>
      assert.deepEqual(
        reportAddresses(record).map(({ address, limit }) => `${address} ${limit}`),
        expected,
      ),
    );
  }
});

test('strangers must say that they take reports', async () => {
  const resolver = fakeResolver({
    'a.example._report._dmarc.reports.example': { txt: ['v=DMARC1'] },
    'a.example._report._dmarc.other.example': { txt: ['v=spf1 -all'] },
    'a.example._report._dmarc.dead.example': 'unavailable',
  });
  assert.equal(await takesReports('a.example', 'a.example', resolver), true);
  assert.equal(await takesReports('In.a.example', 'a.example', resolver), true);
  assert.deepEqual(resolver.lookups, []);
  assert.equal(await takesReports('reports.example', 'a.example', resolver), true);
  assert.equal(await takesReports('other.example', 'a.example', resolver), false);
  assert.equal(await takesReports('xa.example', 'a.example', resolver), false);
  assert.equal(await takesReports('example', 'a.example', resolver), false);
  await assert.rejects(takesReports('dead.example', 'a.example', resolver), { code: 'dns-unavailable' });
});

describe('what is counted', () => {
  const counted = (gatherer: Gatherer) =>
    gatherer
      .drain()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => talliedRow<Row>(line))
      .map((parsed) => [parsed?.count, parsed?.row.applied, parsed?.row.override]);
  const verdict = {
    session: 'S1',
    hook: 'on-data',
    plugin: 'auth',
    verdict: 'reject',
    reason: 'dmarc.fail',
    milliseconds: 1,
  } as const;
  const failing = facts({ applied: 'reject', of: { result: 'fail', spfAligned: false } });

  test('messages that differ in nothing are one line', () => {
    const gatherer = new Gatherer([]);
    gatherer.checked(facts());
    gatherer.checked(facts({ session: 'S2' }));
    assert.deepEqual(counted(gatherer), [[2, 'none', undefined]]);
    assert.deepEqual(counted(gatherer), []);
  });

  test('a policy counts as applied when its verdict is', () => {
    const gatherer = new Gatherer([]);
    gatherer.checked(failing);
    gatherer.judged({ ...verdict, reason: 'other', applied: true });
    assert.deepEqual(counted(gatherer), []);
    gatherer.judged({ ...verdict, applied: true });
    assert.deepEqual(counted(gatherer), [[1, 'reject', undefined]]);
  });

  test('in mode observe it is our own policy that nothing is done', () => {
    const gatherer = new Gatherer([]);
    gatherer.checked(failing);
    gatherer.judged({ ...verdict, applied: false });
    assert.deepEqual(counted(gatherer), [[1, 'none', 'local_policy']]);
  });

  test('a connection that is gone before the verdict leaves nothing behind', () => {
    const gatherer = new Gatherer([]);
    gatherer.checked(failing);
    gatherer.closed('S1');
    gatherer.judged({ ...verdict, applied: true });
    assert.deepEqual(counted(gatherer), []);
  });

  test('excluded domains, those without a record and names that are none are not', () => {
    const gatherer = new Gatherer(['A.example']);
    gatherer.checked(facts());
    gatherer.checked(facts({ of: { policyDomain: 'sub.a.example' } }));
    gatherer.checked(facts({ of: { policyDomain: 'b.example', record: '' } }));
    gatherer.checked(facts({ of: { policyDomain: 'b.example', result: 'temperror' } }));
    gatherer.checked(facts({ of: { policyDomain: 'b.example\r\nX: y' } }));
    assert.deepEqual(counted(gatherer), []);
    gatherer.checked(facts({ of: { policyDomain: 'xa.example' } }));
    assert.equal(gatherer.size, 1);
  });
});
