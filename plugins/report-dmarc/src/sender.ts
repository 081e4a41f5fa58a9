// Turns a day into reports, and puts them into the queue. At least once: a failure in between begins the day anew, and
// a report that goes twice has the same id.

import type { Clock, Identifiers, Logger, QueueStore, Resolver } from '@posthouse/core';
import { mailDate } from '@posthouse/core';
import { reportAddresses, takesReports } from './destinations.ts';
import { type DayOfDomain, DayReports, type Reporter, reportMail } from './report.ts';
import { parsedLine } from './row.ts';

export interface SenderServices {
  readonly store: QueueStore;
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly identifiers: Identifiers;
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
  async send(day: string, lines: AsyncIterable<string>): Promise<void> {
    const reports = new DayReports(day, this.#bounds);
    let unreadable = 0;
    for await (const line of lines) {
      const parsed = parsedLine(line);
      if (parsed === undefined) unreadable += 1;
      else reports.add(parsed.row, parsed.count);
    }
    let sent = 0;
    let domains = 0;
    for (const report of reports) {
      domains += 1;
      sent += await this.#report(report);
    }
    this.#services.log.info({ day, domains, reports: sent, unreadable }, 'DMARC reports queued');
  }

  async #report(report: DayOfDomain): Promise<number> {
    const { log } = this.#services;
    let sent = 0;
    for (const { address, limit } of reportAddresses(report.record)) {
      const facts = { domain: report.domain, address };
      if (!(await this.#wanted(address.slice(address.lastIndexOf('@') + 1), report.domain))) {
        log.info(facts, 'no DMARC report: the destination does not ask for it');
        continue;
      }
      const id = this.#services.identifiers.next();
      const now = this.#services.clock.now();
      const content = reportMail(report, this.#reporter, { id, date: mailDate(now), to: address });
      if (content.length > limit) log.info({ ...facts, size: content.length }, 'no DMARC report: too large');
      else {
        await this.#put(id, now, content, address);
        sent += 1;
      }
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

  /** The scheduler finds the transport, as for every item that has none. */
  async #put(id: string, now: number, content: Buffer, recipient: string): Promise<void> {
    const { store, identifiers } = this.#services;
    const draft = store.draft();
    try {
      await draft.write(content);
      const body = await draft.finish();
      const message = {
        id,
        sender: this.#reporter.from,
        arrivedAt: now,
        size: content.length,
        head: '',
        parameters: {},
        origin: { session: 'report-dmarc' },
        notes: {},
      };
      const item = {
        id: identifiers.next(),
        message: id,
        transport: null,
        destination: '',
        recipients: [{ address: recipient }],
        state: 'waiting',
        reason: { kind: 'no-route' },
        attempts: 0,
        due: now,
        expires: now + EXPIRES,
      } as const;
      await store.commit({ put: [{ message, body, items: [item], leaseUntil: undefined }] });
    } catch (error) {
      draft.discard();
      throw error;
    }
  }
}
