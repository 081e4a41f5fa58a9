// One aggregate report (RFC 7489 §7.2 and appendix C) as XML, and the message that carries it. Pure.

import { gzipSync } from 'node:zlib';
import type { MailContent } from '@posthouse/core';
import { tagsOf } from '@posthouse/core/reporting';
import type { Row } from './row.ts';

export interface Reporter {
  readonly organization: string;
  readonly from: string;
  readonly hostname: string;
}

/** What is reported to one domain for one day. */
export interface DayOfDomain {
  readonly domain: string;
  /** `2026-11-24` */
  readonly day: string;
  /** The last record that was seen. */
  readonly record: string;
  readonly rows: ReadonlyMap<string, { readonly row: Row; count: number }>;
}

const DAY = 86_400;

/** Unique for domain and day, also when it is sent twice. */
export function reportId({ domain, day }: Pick<DayOfDomain, 'domain' | 'day'>): string {
  return `${day.replaceAll('-', '')}.${domain}`;
}

export function reportXml(report: DayOfDomain, { organization, from }: Reporter): string {
  const begin = Date.parse(report.day) / 1000;
  const tags = tagsOf(report.record);
  const published = ['adkim', 'aspf', 'p', 'sp', 'pct', 'fo']
    .flatMap((name) => (tags.has(name) ? `    <${name}>${text(tags.get(name) ?? '')}</${name}>\n` : []))
    .join('');
  const records = [...report.rows.values()].map(({ row, count }) => recordXml(row, count)).join('');
  return `<?xml version="1.0" encoding="UTF-8"?>
<feedback>
  <version>1.0</version>
  <report_metadata>
    <org_name>${text(organization)}</org_name>
    <email>${text(from)}</email>
    <report_id>${text(reportId(report))}</report_id>
    <date_range><begin>${begin}</begin><end>${begin + DAY - 1}</end></date_range>
  </report_metadata>
  <policy_published>
    <domain>${text(report.domain)}</domain>
${published}  </policy_published>
${records}</feedback>
`;
}

function recordXml(row: Row, count: number): string {
  const passed = (aligned: boolean): string => (aligned ? 'pass' : 'fail');
  const reason = row.override === undefined ? '' : `<reason><type>${text(row.override)}</type></reason>`;
  const envelope = row.envelopeFrom === '' ? '' : `<envelope_from>${text(row.envelopeFrom)}</envelope_from>`;
  const dkim = row.dkim
    .map(
      ({ domain, selector, result }) =>
        `      <dkim><domain>${text(domain)}</domain><selector>${text(selector)}</selector><result>${text(result)}</result></dkim>\n`,
    )
    .join('');
  return `  <record>
    <row>
      <source_ip>${text(row.client)}</source_ip>
      <count>${count}</count>
      <policy_evaluated><disposition>${row.applied}</disposition><dkim>${passed(row.dkimAligned)}</dkim><spf>${passed(row.spfAligned)}</spf>${reason}</policy_evaluated>
    </row>
    <identifiers>${envelope}<header_from>${text(row.headerFrom)}</header_from></identifiers>
    <auth_results>
${dkim}      <spf><domain>${text(row.spf.domain)}</domain><scope>${row.spf.scope}</scope><result>${text(row.spf.result)}</result></spf>
    </auth_results>
  </record>
`;
}

/** What XML cannot hold at all becomes `?`. */
function text(value: string): string {
  return value
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]/g, '?')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;');
}

/** The XML, gzipped: what a size limit of a destination counts. */
export function packedReport(report: DayOfDomain, reporter: Reporter): Uint8Array {
  return gzipSync(reportXml(report, reporter));
}

/** The message that carries it (RFC 7489 §7.2.1.1). */
export function reportMail(
  report: DayOfDomain,
  { hostname, from }: Reporter,
  { to, packed }: { readonly to: string; readonly packed: Uint8Array },
): MailContent {
  const begin = Date.parse(report.day) / 1000;
  const name = `${hostname}!${report.domain}!${begin}!${begin + DAY - 1}.xml.gz`;
  const subject = `Report Domain: ${report.domain} Submitter: ${hostname} Report-ID: <${reportId(report)}>`;
  const text = `This is a DMARC aggregate report for ${report.domain}, ${report.day} (UTC), from ${hostname}.\n`;
  return {
    fields: [
      ['From', `<${from}>`],
      ['To', `<${to}>`],
      ['Subject', subject],
    ],
    multipart: 'mixed',
    parts: [
      { type: 'text/plain', content: text },
      {
        type: 'application/gzip',
        fields: [['Content-Disposition', `attachment; filename="${name}"`]],
        content: packed,
      },
    ],
  };
}

/** Adds up the lines of a day, by domain, within bounds. */
export class DayReports {
  readonly #day: string;
  readonly #bounds: { readonly rows: number; readonly domains: number };
  readonly #domains = new Map<string, { record: string; rows: Map<string, { row: Row; count: number }> }>();

  constructor(day: string, bounds: { readonly rows: number; readonly domains: number }) {
    this.#day = day;
    this.#bounds = bounds;
  }

  add(row: Row, count: number): void {
    const { domain, record, ...shown } = row;
    let found = this.#domains.get(domain);
    if (found === undefined) {
      if (this.#domains.size >= this.#bounds.domains) return;
      found = { record, rows: new Map() };
      this.#domains.set(domain, found);
    }
    found.record = record;
    const key = JSON.stringify(shown);
    const same = found.rows.get(key);
    if (same !== undefined) same.count += count;
    else if (found.rows.size < this.#bounds.rows) found.rows.set(key, { row, count });
  }

  *[Symbol.iterator](): Iterator<DayOfDomain> {
    for (const [domain, { record, rows }] of this.#domains) yield { domain, day: this.#day, record, rows };
  }
}
