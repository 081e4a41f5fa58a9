// Turns a day into reports, and puts them into the queue. At least once: a restart in between begins the day anew, and
// a report that goes twice has the same id.

import type { Logger, Mailer, Resolver } from '@posthouse/core';
import { type Day, talliedRow } from '@posthouse/core/reporting';
import { reportAddresses, takesReports } from './destinations.ts';
import { type DayOfDomain, DayReports, packedReport, type Reporter, reportMail } from './report.ts';
import type { Row } from './row.ts';

export interface SenderServices {
  readonly mailer: Mailer;
  readonly resolver: Resolver;
  readonly log: Logger;
}

/** RFC 7489 §7.2.1: a report is of no use when the next ones are there. */
const EXPIRES = 86_400_000;

export class ReportSender {
  readonly #services: SenderServices;
  readonly #reporter: Reporter;
  readonly #bounds: { readonly rows: number; readonly domains: number };

  constructor(
    services: SenderServices,
    reporter: Reporter,
    bounds: { readonly rows: number; readonly domains: number },
  ) {
    this.#services = services;
    this.#reporter = reporter;
    this.#bounds = bounds;
  }

  /** Durable in the queue when it resolves. Rejects when the queue takes no more. */
  async send({ day, lines, sent }: Day): Promise<void> {
    const reports = new DayReports(day, this.#bounds);
    let unreadable = 0;
    for await (const line of lines()) {
      const parsed = talliedRow<Row>(line);
      if (parsed === undefined) unreadable += 1;
      else reports.add(parsed.row, parsed.count);
    }
    let queued = 0;
    let domains = 0;
    for (const report of reports) {
      domains += 1;
      queued += await this.#report(report, sent);
    }
    this.#services.log.info({ day, domains, reports: queued, unreadable }, 'DMARC reports queued');
  }

  async #report(report: DayOfDomain, done: Set<string>): Promise<number> {
    const { log, mailer } = this.#services;
    const packed = packedReport(report, this.#reporter);
    let sent = 0;
    for (const { address, limit } of reportAddresses(report.record)) {
      const facts = { domain: report.domain, address };
      const name = `${report.domain} ${address}`;
      if (done.has(name)) continue;
      if (!(await this.#wanted(address.slice(address.lastIndexOf('@') + 1), report.domain))) {
        log.info(facts, 'no DMARC report: the destination does not ask for it');
        continue;
      }
      if (packed.length > limit) {
        log.info({ ...facts, size: packed.length }, 'no DMARC report: too large');
        continue;
      }
      const content = reportMail(report, this.#reporter, { to: address, packed });
      await mailer.send({
        sender: this.#reporter.from,
        recipients: [address],
        content,
        expireAfter: EXPIRES,
      });
      done.add(name);
      sent += 1;
    }
    return sent;
  }

  /** Without an answer of DNS a destination is not bothered. */
  async #wanted(host: string, domain: string): Promise<boolean> {
    try {
      return await takesReports(host, domain, this.#services.resolver);
    } catch {
      return false;
    }
  }
}
