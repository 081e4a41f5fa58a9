// Turns a day into reports and sends them, each to every destination that its domain names. At least once: what could not
// be sent is tried again, and a report that goes twice has the same id.

import type { Logger, Mailer, Resolver } from '@posthouse/core';
import { type Day, talliedRow } from '@posthouse/core/reporting';
import { type Destination, destinationsOf, nameOf } from './record.ts';
import { type DayOfDomain, DayReports, packedReport, type Reporter, reportMail } from './report.ts';
import type { Row } from './row.ts';

export interface SenderServices {
  readonly mailer: Mailer;
  readonly resolver: Pick<Resolver, 'txt'>;
  readonly log: Logger;
  readonly post: (url: string, packed: Uint8Array) => Promise<void>;
}

/** RFC 8460 §5.5: tried for a day. */
const EXPIRES = 86_400_000;

export class ReportSender {
  readonly #services: SenderServices;
  readonly #reporter: Reporter;
  readonly #bounds: { readonly failures: number; readonly domains: number };

  constructor(
    services: SenderServices,
    reporter: Reporter,
    bounds: { readonly failures: number; readonly domains: number },
  ) {
    this.#services = services;
    this.#reporter = reporter;
    this.#bounds = bounds;
  }

  /** Rejects when the queue takes no more. */
  async send(day: Day): Promise<void> {
    const reports = new DayReports(day.day, this.#bounds);
    let unreadable = 0;
    for await (const line of day.lines()) {
      const parsed = talliedRow<Row>(line);
      if (parsed === undefined) unreadable += 1;
      else reports.add(parsed.row, parsed.count);
    }
    let sent = 0;
    let domains = 0;
    for (const report of reports) {
      domains += 1;
      sent += await this.#report(report, day);
    }
    this.#services.log.info({ day: day.day, domains, reports: sent, unreadable }, 'TLS reports sent');
  }

  async #report(report: DayOfDomain, day: Day): Promise<number> {
    const destinations = await this.#destinationsOf(report.domain);
    if (destinations === undefined) day.again();
    if (destinations === undefined || destinations.length === 0) return 0;
    const packed = packedReport(report, this.#reporter);
    let sent = 0;
    for (const destination of destinations) {
      const name = `${report.domain} ${nameOf(destination)}`;
      if (day.sent.has(name)) continue;
      if (await this.#to(destination, report, packed)) {
        day.sent.add(name);
        sent += 1;
      } else day.again();
    }
    return sent;
  }

  /** Undefined where nobody can tell now. */
  async #destinationsOf(domain: string): Promise<readonly Destination[] | undefined> {
    try {
      return destinationsOf(await this.#services.resolver.txt(`_smtp._tls.${domain}`));
    } catch {
      return undefined;
    }
  }

  /** False: to be tried again. */
  async #to(destination: Destination, report: DayOfDomain, packed: Uint8Array): Promise<boolean> {
    const { mailer, post, log } = this.#services;
    if (destination.kind === 'mail') {
      const content = reportMail(report, this.#reporter, { to: destination.address, packed });
      const recipients = [destination.address];
      await mailer.send({ sender: this.#reporter.from, recipients, content, expireAfter: EXPIRES });
      return true;
    }
    try {
      await post(destination.url, packed);
      return true;
    } catch (error) {
      const facts = { domain: report.domain, url: destination.url, error: (error as Error).message };
      log.warn(facts, 'TLS report not taken');
      return false;
    }
  }
}
