// The course of daily reports: what is counted goes to the disk now and then, and what a day has brought is reported some
// time after it; what could not be sent is tried again for a day.

import type { Chance, Clock, Logger, Timer } from '../contract/index.ts';
import { DayJournal, dayOf } from './day-journal.ts';

export interface DailyReportsOptions {
  /** What is reported, for the log: `DMARC`. */
  readonly what: string;
  /** The folder of the days. */
  readonly path: string;
  /** Octets of one day. */
  readonly daySize: number;
  /** Milliseconds. */
  readonly flushEvery: number;
  /** Milliseconds after the day within which its reports leave. */
  readonly spread: number;
  /** What is in memory and not yet in the journal. */
  readonly tally: { readonly size: number; drain(): string };
  /** Sends what a day has brought. Where it rejects that is logged, and the day comes again. */
  readonly send: (day: Day) => Promise<void>;
}

export interface Day {
  /** `2026-11-24` */
  readonly day: string;
  lines(): AsyncIterable<string>;
  /** Names of what has been sent at an earlier try, in this run; whoever sends adds to it. */
  readonly sent: Set<string>;
  /** Something could not be sent: the day comes again. */
  again(): void;
}

export interface DailyReportsServices {
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Logger;
}

/** How often a day is looked for that is to be reported. */
const LOOK = 600_000;
const DAY = 86_400_000;
/** Kinds of rows in memory; with more the disk is written at once. */
const MAX_TALLY = 10_000;

export class DailyReports {
  readonly #services: DailyReportsServices;
  readonly #options: DailyReportsOptions;
  readonly #journal: DayJournal;
  readonly #wait: number;
  readonly #timers: Timer[] = [];
  readonly #sent = new Map<string, Set<string>>();
  /** Lines for which the disk had no room at the last try. */
  #unwritten = '';
  #fullDay = '';
  /** One thing at a time; a failure is logged and tried again at the next turn. */
  #work: Promise<void> = Promise.resolve();

  constructor(services: DailyReportsServices, options: DailyReportsOptions) {
    this.#services = services;
    this.#options = options;
    this.#journal = new DayJournal(options.path, options.daySize);
    this.#wait = Math.floor(services.chance.next() * options.spread);
  }

  async start(): Promise<void> {
    const { clock } = this.#services;
    const { what, flushEvery } = this.#options;
    await this.#journal.prepare();
    this.#timers.push(
      clock.every(flushEvery, () => void this.#flushLater()),
      clock.every(LOOK, () => void this.#then(`${what} reports not sent`, () => this.#report())),
    );
  }

  /** What was counted is on disk when it resolves, or could not be written and that is in the log. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) timer.stop();
    await this.#flushLater();
  }

  /** Something has been counted. */
  counted(): void {
    if (this.#options.tally.size >= MAX_TALLY) void this.#flushLater();
  }

  #flushLater(): Promise<void> {
    return this.#then(`${this.#options.what} results not written`, () => this.#flush());
  }

  #then(failure: string, task: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(task).catch((error: unknown) => this.#failed(failure, error));
    return this.#work;
  }

  #failed(what: string, error: unknown): void {
    this.#services.log.error({ error: error instanceof Error ? error.message : String(error) }, what);
  }

  async #flush(): Promise<void> {
    const { clock, log } = this.#services;
    const { tally, what } = this.#options;
    this.#unwritten += tally.drain();
    if (this.#unwritten === '') return;
    const day = dayOf(clock.now());
    const written = await this.#journal.append(day, this.#unwritten);
    this.#unwritten = '';
    if (written) return;
    if (this.#fullDay !== day) log.warn({ day }, `no more ${what} results are kept for this day`);
    this.#fullDay = day;
  }

  async #report(): Promise<void> {
    const now = this.#services.clock.now();
    for (const day of await this.#journal.days()) {
      const due = Date.parse(day) + DAY + this.#wait;
      if (now < due) continue;
      const sent = this.#sent.get(day) ?? new Set();
      this.#sent.set(day, sent);
      let again = false;
      const lines = () => this.#journal.lines(day);
      try {
        await this.#options.send({ day, lines, sent, again: () => (again = true) });
      } catch (error) {
        again = true;
        this.#failed(`${this.#options.what} reports not sent`, error);
      }
      // RFC 8460 §5.5: for a day; then the next ones are there.
      if (again && now < due + DAY) continue;
      await this.#journal.remove(day);
      this.#sent.delete(day);
    }
  }
}
