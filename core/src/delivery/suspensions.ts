// The destinations that an operator has suspended: kept by the store, so that they outlive the process and hold for every
// server on the queue; told to the agenda here.

import type { Clock, EventSink, Lane, Logger, QueueItem, QueueStore, Timer } from '../contract/index.ts';
import type { Agenda } from './agenda.ts';
import type { Journal } from './journal.ts';
import { wordsOf } from './trouble.ts';

/** Milliseconds between looks for what another server has suspended or resumed. */
const TICK = 10_000;

export interface SuspensionServices {
  readonly store: QueueStore;
  readonly journal: Journal;
  readonly agenda: Agenda;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly log: Logger;
}

export interface SuspensionReports {
  /** Items of suspended lanes are not in memory any more: the store keeps them. */
  back(items: readonly QueueItem[]): void;
  /** Something that was suspended may be due. */
  resumed(): void;
}

export class Suspensions {
  readonly #services: SuspensionServices;
  readonly #reports: SuspensionReports;
  #timer: Timer | undefined;
  #known = false;
  /** Counts what is changed here: what was read meanwhile may not know of it. */
  #changes = 0;

  constructor(services: SuspensionServices, reports: SuspensionReports) {
    this.#services = services;
    this.#reports = reports;
  }

  /** Until then whatever is accepted goes by the store, which knows them. */
  get known(): boolean {
    return this.#known;
  }

  /** Resolves when they have been read, or could not be. Never rejects. */
  start(): Promise<void> {
    this.#timer = this.#services.clock.every(TICK, () => void this.#read());
    return this.#read();
  }

  stop(): void {
    this.#timer?.stop();
  }

  /** Durable when it resolves. */
  async suspend(lanes: readonly Lane[]): Promise<void> {
    const { clock, journal, events } = this.#services;
    const since = clock.now();
    this.#changes += 1;
    await journal.written({ suspend: lanes.map((lane) => ({ ...lane, since })) });
    this.#changes += 1;
    for (const lane of lanes) {
      this.#tell(lane, since);
      events.emit('destination-suspended', lane);
    }
  }

  /** Durable when it resolves. */
  async resume(lanes: readonly Lane[]): Promise<void> {
    const { agenda, journal, events } = this.#services;
    this.#changes += 1;
    await journal.written({ resume: lanes });
    this.#changes += 1;
    for (const { transport, destination } of lanes) {
      agenda.resume({ transport, destination });
      events.emit('destination-resumed', { transport, destination });
    }
    this.#reports.resumed();
  }

  /** Never rejects. */
  async #read(): Promise<void> {
    const { store, agenda, log } = this.#services;
    try {
      const changes = this.#changes;
      const lanes = await store.suspended();
      if (changes !== this.#changes) return;
      this.#known = true;
      if (agenda.suspendedOnly(lanes)) this.#reports.resumed();
      for (const lane of lanes) this.#tell(lane, lane.since);
    } catch (error) {
      log.error({ error: wordsOf(error) }, 'suspended destinations not read');
    }
  }

  #tell(lane: Lane, since: number): void {
    const back = this.#services.agenda.suspend(lane, since);
    if (back.length > 0) this.#reports.back(back.map(({ item }) => item));
  }
}
