// One report (RFC 8460 §4.4) as JSON, and the message that carries it (§5.3). Pure.

import { gzipSync } from 'node:zlib';
import type { MailContent } from '@posthouse/core';
import type { Failure, Policy, Row } from './row.ts';

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
  readonly policies: readonly PolicyResults[];
}

export interface PolicyResults {
  readonly policy: Policy;
  successes: number;
  failures: number;
  readonly details: ReadonlyMap<string, { readonly failure: Failure; count: number }>;
}

/** Unique for domain and day, also when it is sent twice. */
export function reportId({ domain, day }: Pick<DayOfDomain, 'domain' | 'day'>): string {
  return `${day}T00:00:00Z_${domain}`;
}

export function reportJson(report: DayOfDomain, { organization, from }: Reporter): string {
  return JSON.stringify({
    'organization-name': organization,
    'date-range': {
      'start-datetime': `${report.day}T00:00:00Z`,
      'end-datetime': `${report.day}T23:59:59Z`,
    },
    'contact-info': from,
    'report-id': reportId(report),
    policies: report.policies.map(({ policy, successes, failures, details }) => ({
      policy: {
        'policy-type': policy.type,
        'policy-domain': policy.domain,
        ...(policy.strings.length > 0 && { 'policy-string': policy.strings }),
        ...(policy.hosts.length > 0 && { 'mx-host': policy.hosts }),
      },
      summary: { 'total-successful-session-count': successes, 'total-failure-session-count': failures },
      ...(details.size > 0 && {
        'failure-details': [...details.values()].map(({ failure, count }) => detail(failure, count)),
      }),
    })),
  });
}

/** What is not known is left out. */
function detail({ type, sendingAddress, host, address, text }: Failure, count: number): object {
  return {
    'result-type': type,
    ...(sendingAddress !== '' && { 'sending-mta-ip': sendingAddress }),
    'receiving-mx-hostname': host,
    ...(address !== '' && { 'receiving-ip': address }),
    'failed-session-count': count,
    ...(text !== '' && { 'failure-reason-code': text }),
  };
}

export function packedReport(report: DayOfDomain, reporter: Reporter): Uint8Array {
  return gzipSync(reportJson(report, reporter));
}

export function reportMail(
  report: DayOfDomain,
  { hostname, from }: Reporter,
  { to, packed }: { readonly to: string; readonly packed: Uint8Array },
): MailContent {
  const { domain, day } = report;
  const begin = Date.parse(day) / 1000;
  // §5.1
  const name = `${hostname}!${domain}!${begin}!${begin + 86_399}.json.gz`;
  return {
    fields: [
      ['From', `<${from}>`],
      ['To', `<${to}>`],
      ['Subject', `Report Domain: ${domain} Submitter: ${hostname} Report-ID: <${reportId(report)}>`],
      ['TLS-Report-Domain', domain],
      ['TLS-Report-Submitter', hostname],
      // RFC 8460 §3: what keeps mail away must not keep away the report about it; RFC 8689 §3 says so to every hop.
      ['TLS-Required', 'No'],
    ],
    multipart: 'report; report-type="tlsrpt"',
    parts: [
      {
        type: 'text/plain',
        content: `This is an aggregate TLS report for ${domain}, ${day} (UTC), from ${hostname}.\n`,
      },
      {
        type: 'application/tlsrpt+gzip',
        fields: [['Content-Disposition', `attachment; filename="${name}"`]],
        content: packed,
      },
    ],
  };
}

/** Adds up the lines of a day, by domain and policy, within bounds. */
export class DayReports {
  readonly #day: string;
  readonly #bounds: { readonly failures: number; readonly domains: number };
  readonly #domains = new Map<string, Map<string, PolicyResults & { readonly details: Details }>>();

  constructor(day: string, bounds: { readonly failures: number; readonly domains: number }) {
    this.#day = day;
    this.#bounds = bounds;
  }

  add({ domain, policy, failure }: Row, count: number): void {
    let policies = this.#domains.get(domain);
    if (policies === undefined) {
      if (this.#domains.size >= this.#bounds.domains) return;
      policies = new Map();
      this.#domains.set(domain, policies);
    }
    const key = JSON.stringify(policy);
    let results = policies.get(key);
    if (results === undefined) {
      if (policies.size >= MAX_POLICIES) return;
      results = { policy, successes: 0, failures: 0, details: new Map() };
      policies.set(key, results);
    }
    if (failure === undefined) {
      results.successes += count;
      return;
    }
    results.failures += count;
    const kind = JSON.stringify(failure);
    const same = results.details.get(kind);
    if (same !== undefined) same.count += count;
    else if (results.details.size < this.#bounds.failures) results.details.set(kind, { failure, count });
  }

  *[Symbol.iterator](): Iterator<DayOfDomain> {
    for (const [domain, policies] of this.#domains)
      yield { domain, day: this.#day, policies: [...policies.values()] };
  }
}

type Details = Map<string, { readonly failure: Failure; count: number }>;

/** Of one domain in one day: policies that change more often are changed to fill memories. */
const MAX_POLICIES = 100;
