// The courier: carries one item at a time through its attempt to a durable outcome: retry, notice, redirection or done.
// Whatever goes wrong with one item ends its attempt and no other. Not for: choosing the item (agenda.ts).

import {
  type BounceClassifier,
  type Chance,
  type DeliverySettings,
  type Identifiers,
  type Logger,
  Outcome,
  type QueueChange,
  type QueueItem,
} from '../contract/index.ts';
import type { Routing, Transport } from '../hooks/index.ts';
import { releaseTime } from '../smtp/index.ts';
import type { Pending } from './agenda.ts';
import { Attempt, type AttemptServices } from './attempt.ts';
import type { Claims } from './claims.ts';
import { classified } from './classified.ts';
import { wantsSuccess } from './news.ts';
import type { NoticeWriter } from './notice-writer.ts';
import { redirectedItems, routesOf, splitItem } from './reroute.ts';
import { milestonesOf } from './retry.ts';
import {
  isOverdue,
  type Outcomes,
  overdueOutcomes,
  type Reach,
  reachOf,
  refusedOutcomes,
  type Settlement,
  settlementOf,
  withSettled,
} from './settlement.ts';
import { wordsOf } from './trouble.ts';

export interface CourierServices extends AttemptServices {
  readonly chance: Chance;
  readonly identifiers: Identifiers;
  readonly settings: DeliverySettings;
  readonly routing: Routing;
  readonly claims: Claims;
  readonly classifier: BounceClassifier;
  readonly notices: NoticeWriter;
  readonly log: Logger;
}

export interface CourierReports {
  /** The attempt is over; its outcome is not durable yet. */
  finished(pending: Pending, reach: Reach): void;
  /** There was no room for the attempt, and nobody was asked. */
  putOff(pending: Pending): void;
  /** The outcome is durable. @param news the change brought other items that are due */
  written(item: string, news: boolean): void;
}

/** An item on its way. */
interface Errand {
  readonly pending: Pending;
  readonly startedAt: number;
  attempt: Attempt | undefined;
  /** An operator has dropped the item meanwhile. */
  disowned: boolean;
}

/** Milliseconds until outcomes are acted upon again whose notices or new items could not be made. */
const NEWS_RETRY = 60_000;

const NO_ROUTE = Outcome.deferred('4.4.4', 'No plugin carries mail for this address');
const UNREADABLE = Outcome.deferred('4.3.0', 'The queued item cannot be read');

export class Courier {
  readonly #services: CourierServices;
  readonly #reports: CourierReports;
  readonly #errands = new Map<string, Errand>();
  #whenIdle: (() => void) | undefined;
  readonly #awaited = new Set<{ readonly left: Set<Errand>; readonly then: () => void }>();

  constructor(services: CourierServices, reports: CourierReports) {
    this.#services = services;
    this.#reports = reports;
  }

  /** Items on their way. */
  get running(): number {
    return this.#errands.size;
  }

  carries(item: string): boolean {
    return this.#errands.has(item);
  }

  /** Resolves when every item that is on its way now has arrived somewhere. */
  whenEnded(): Promise<void> {
    if (this.#errands.size === 0) return Promise.resolve();
    return new Promise((then) => {
      this.#awaited.add({ left: new Set(this.#errands.values()), then });
    });
  }

  /** Never throws. */
  carry(pending: Pending, now: number): void {
    const { item, message } = pending;
    const errand: Errand = { pending, startedAt: now, attempt: undefined, disowned: false };
    this.#errands.set(item.id, errand);
    if (item.reason.kind === 'refused') {
      this.#settle(errand, refusedOutcomes(item, item.reason.status, item.reason.text));
      return;
    }
    // RFC 4865: whoever has made it due, its sender wants it to go later.
    const release = releaseTime(message.parameters, message.arrivedAt);
    if (item.attempts === 0 && release > now) {
      const expires = Math.max(item.expires, release + this.#services.settings.expireAfter);
      this.#finish(errand, 'unasked', { update: [{ ...item, due: release, expires }] });
      return;
    }
    const transport = item.transport === null ? undefined : this.#services.routing.transport(item.transport);
    if (transport === undefined) void this.#reroute(errand);
    else this.#attempt(errand, transport);
  }

  /** The item has been dropped: what comes of a running attempt concerns nobody any more. */
  disown(item: string): void {
    const errand = this.#errands.get(item);
    if (errand !== undefined) errand.disowned = true;
  }

  /** Waits for the running attempts; at the deadline they are aborted and their items given back. */
  async stop(deadline: number): Promise<void> {
    if (this.#errands.size === 0) return;
    const { clock } = this.#services;
    await new Promise<void>((resolve) => {
      const timer = clock.after(Math.max(0, deadline - clock.now()), resolve);
      this.#whenIdle = () => {
        timer.stop();
        resolve();
      };
    });
    for (const { attempt } of this.#errands.values()) attempt?.abort(new Error('the server stops'));
    // A transport that listens to the signal says now what it knows.
    for (let turns = 0; turns < 3 && this.#errands.size > 0; turns++)
      await new Promise((resolve) => setImmediate(resolve));
    for (const errand of this.#errands.values()) {
      const item = errand.attempt?.cut() ?? errand.pending.item;
      this.#finish(errand, 'unasked', errand.disowned ? {} : { update: [item] });
    }
  }

  #attempt(errand: Errand, transport: Transport): void {
    const { events, settings, log } = this.#services;
    const { pending, startedAt } = errand;
    const { item, message } = pending;
    if (events.wants('attempt-started')) {
      const { id, destination, attempts } = item;
      events.emit('attempt-started', {
        item: id,
        message: message.id,
        transport: transport.plugin,
        destination,
        attempt: attempts + 1,
      });
    }
    let outcomes: Outcomes | Promise<Outcomes>;
    try {
      const attempt = new Attempt(pending, transport, this.#services, startedAt);
      errand.attempt = attempt;
      outcomes = attempt.run(transport.handler.timeout ?? settings.attemptTimeout);
    } catch (error) {
      // It waits, named, until it expires.
      log.error({ item: item.id, error: wordsOf(error) }, 'item cannot be attempted');
      outcomes = item.recipients.map(({ settled }) => settled ?? UNREADABLE);
    }
    if (outcomes instanceof Promise) void outcomes.then((ready) => this.#ended(errand, ready));
    else this.#ended(errand, outcomes);
  }

  #ended(errand: Errand, outcomes: Outcomes): void {
    const { pending, attempt, disowned } = errand;
    const { id } = pending.item;
    if (attempt?.wasPutOff !== true || disowned || this.#errands.get(id) !== errand) {
      this.#settle(errand, outcomes);
      return;
    }
    this.#errands.delete(id);
    this.#reports.putOff(pending);
    if (this.#errands.size === 0) this.#whenIdle?.();
  }

  /** Nobody carries the item, or not any more: its recipients are claimed anew. Never rejects. */
  async #reroute(errand: Errand): Promise<void> {
    const { claims, identifiers, clock, log } = this.#services;
    const { item, message } = errand.pending;
    if (isOverdue(item, clock.now())) {
      this.#settle(errand, overdueOutcomes(item));
      return;
    }
    try {
      const groups = await routesOf(item.recipients, message, claims);
      if (groups.some(({ route }) => route.transport !== null)) {
        const { first, others } = splitItem(item, groups, identifiers);
        this.#finish(errand, 'unasked', { update: [first], add: others }, undefined, true);
        return;
      }
      const outcomes = item.recipients.map(({ settled }) => settled ?? NO_ROUTE);
      this.#settle(errand, outcomes, { ...item, transport: null, destination: '' });
    } catch (error) {
      log.error({ item: item.id, error: wordsOf(error) }, 'item cannot be routed');
      this.#settle(
        errand,
        item.recipients.map(({ settled }) => settled ?? UNREADABLE),
      );
    }
  }

  #settle(errand: Errand, found: Outcomes, item = errand.pending.item): void {
    if (this.#errands.get(item.id) !== errand) return;
    const { clock, settings, chance, classifier, log } = this.#services;
    const outcomes = classified(found, classifier, log);
    if (outcomes.length === 1 && isQuietEnd(item, outcomes[0] as Outcome)) {
      this.#announce(errand, outcomes, undefined);
      this.#finish(errand, reachOfErrand(errand, outcomes), { remove: [item] });
      return;
    }
    const milestones = milestonesOf(errand.pending.message, settings);
    const settlement = settlementOf(item, outcomes, clock.now(), settings, () => chance.next(), milestones);
    const { remaining, news, redirected } = settlement;
    this.#announce(errand, outcomes, remaining?.due);
    if (news.length > 0 || redirected.length > 0)
      void this.#settleWithNews(errand, item, outcomes, settlement);
    else this.#finish(errand, reachOfErrand(errand, outcomes), endOf(item, remaining));
  }

  /** Notices and redirections make new messages and items: all in the change that ends the old ones. Never rejects. */
  async #settleWithNews(
    errand: Errand,
    item: QueueItem,
    outcomes: Outcomes,
    settlement: Settlement,
  ): Promise<void> {
    const { clock, notices, claims, identifiers, log } = this.#services;
    const { pending } = errand;
    const { remaining, news, redirected } = settlement;
    const reach = reachOfErrand(errand, outcomes);
    try {
      const now = clock.now();
      const add =
        redirected.length === 0
          ? []
          : await redirectedItems(item, pending.message, redirected, now, claims, identifiers);
      const written =
        news.length === 0 || errand.disowned ? [] : await notices.write(pending, news, item.expires);
      if (errand.disowned || this.#errands.get(item.id) !== errand)
        for (const { put } of written) put.body.discard();
      const change = { ...endOf(item, remaining), put: written.map(({ put }) => put), add };
      const announce = (): void => {
        for (const each of written) each.announce();
      };
      this.#finish(errand, reach, change, announce, written.length + add.length > 0);
    } catch (error) {
      log.error({ item: item.id, error: wordsOf(error) }, 'outcomes not acted upon, will be tried again');
      const due = clock.now() + NEWS_RETRY;
      this.#finish(errand, reach, { update: [{ ...withSettled(item, outcomes), due }] });
    }
  }

  /** Frees the slot and writes what came of it. */
  #finish(errand: Errand, reach: Reach, change: QueueChange, announce?: () => void, news = false): void {
    const { pending, disowned } = errand;
    const { id } = pending.item;
    if (this.#errands.get(id) !== errand) return;
    this.#errands.delete(id);
    for (const awaited of this.#awaited) {
      if (!awaited.left.delete(errand) || awaited.left.size > 0) continue;
      this.#awaited.delete(awaited);
      awaited.then();
    }
    if (disowned) this.#reports.written(id, false);
    else {
      this.#services.journal.record(change, () => {
        announce?.();
        this.#reports.written(id, news);
      });
    }
    this.#reports.finished(pending, reach);
    if (this.#errands.size === 0) this.#whenIdle?.();
  }

  #announce({ pending, startedAt }: Errand, outcomes: Outcomes, next: number | undefined): void {
    const { events, clock } = this.#services;
    const { id, transport, destination, attempts, recipients } = pending.item;
    const message = pending.message.id;
    const attempt = attempts + 1;
    if (events.wants('recipient-settled')) {
      recipients.forEach(({ address }, index) => {
        const outcome = outcomes[index] as Outcome;
        events.emit('recipient-settled', { item: id, message, recipient: address, outcome, attempt });
      });
    }
    if (!events.wants('attempt-finished')) return;
    const { kind } = outcomes[0] as Outcome;
    events.emit('attempt-finished', {
      item: id,
      message,
      transport,
      destination,
      attempt,
      milliseconds: clock.now() - startedAt,
      outcome: outcomes.every((outcome) => outcome.kind === kind) ? kind : 'mixed',
      ...(next !== undefined && { next }),
    });
  }
}

/** An item that needs no transport any more says nothing of its destination. */
function reachOfErrand({ attempt }: Errand, outcomes: Outcomes): Reach {
  return attempt?.asks === true ? reachOf(outcomes) : 'unasked';
}

/** Done, and nobody is to be told: what becomes of most mail. */
function isQuietEnd({ recipients: [recipient] }: QueueItem, { kind }: Outcome): boolean {
  if (kind === 'discarded') return true;
  return kind === 'delivered' && !(recipient !== undefined && wantsSuccess(recipient));
}

function endOf(item: QueueItem, remaining: QueueItem | undefined): QueueChange {
  return remaining === undefined ? { remove: [item] } : { update: [remaining] };
}
