// The agenda: which of the items in memory runs next. Lanes take turns, each within its own concurrency; a lane whose
// destination cannot be reached rests. Pure bookkeeping: time is an argument, and nothing here waits.

import type {
  Lane,
  MessageBody,
  MessageRecord,
  QueueItem,
  SharedConnections,
  Suspension,
} from '../contract/index.ts';
import type { AgendaLimits } from './agenda-limits.ts';
import { Groups } from './groups.ts';
import {
  isFull,
  type LaneState,
  laneKey,
  leavesRoom,
  messagesPerConnection,
  restsUntil,
  type Space,
  share,
} from './lane.ts';
import { type LaneReport, reportOf } from './lane-report.ts';
import { LaneTable, type Wanted } from './lane-table.ts';
import { urgencyOf } from './line.ts';
import { laneRest } from './retry.ts';
import type { Reach } from './settlement.ts';
import { Slots } from './slots.ts';
import { Turns } from './turns.ts';

/** An item in memory, with the lease held. */
export interface Pending {
  readonly item: QueueItem;
  readonly message: MessageRecord;
  /** The octets of a fresh message; undefined: the store has them. */
  readonly body: MessageBody | undefined;
  /** Counts the items in memory that share `body`; undefined: no other does. */
  readonly share?: { users: number };
}

/** Milliseconds until items are asked for again for which their lane, slow or with a pace, had no room. */
const FULL_LANE_WAIT = 10_000;

export class Agenda {
  readonly #limits: AgendaLimits;
  readonly #lanes: LaneTable;
  readonly #turns: Turns;
  /** Since when, by lane. */
  readonly #suspended = new Map<string, number>();
  readonly #groups = new Groups();
  readonly #held = new Set<string>();
  readonly #slots: Slots;
  #waiting = 0;
  #bytes = 0;

  constructor(limits: AgendaLimits) {
    this.#limits = limits;
    this.#slots = new Slots(limits.concurrency, limits.slowConcurrency);
    this.#turns = new Turns(this.#slots);
    this.#lanes = new LaneTable(limits.rules);
  }

  /** Whether slots for attempts that end soon are free: then nothing in memory may run. */
  get idle(): boolean {
    return this.#slots.open;
  }

  /** When an attempt that holds up others will count as slow; undefined where nobody waits for a slot. */
  get slotFreeAt(): number | undefined {
    return this.#slots.open || this.#waiting === 0 ? undefined : this.#slots.nextSlowAt;
  }

  /** Items in memory: waiting, running, or with an outcome that is not written yet. */
  get size(): number {
    return this.#held.size;
  }

  /** Items in memory that wait for their turn. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Octets in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  get room(): number {
    return Math.max(0, this.#limits.window - this.#held.size);
  }

  get #space(): Space {
    const held = this.#held.size;
    const { window } = this.#limits;
    if (held * 2 <= window) return 'ample';
    return held * 4 <= window * 3 || this.#slots.isOpenTo('slow') ? 'scarce' : 'tight';
  }

  /** Lanes with something to remember. */
  get lanes(): number {
    return this.#lanes.size;
  }

  /** Whether a lane waits for its pace: then `paceOn` has to be called some times in a second. */
  get paced(): boolean {
    return this.#turns.paced;
  }

  holds(item: string): boolean {
    return this.#held.has(item);
  }

  /** Whether a fresh item would be attempted soon, so that its octets are worth keeping. */
  admits(item: QueueItem, bytes: number, now: number): boolean {
    if (this.#held.size >= this.#limits.window || this.#bytes + bytes > this.#limits.windowBytes)
      return false;
    const key = laneKey(item);
    if (this.#suspended.has(key)) return false;
    const lane = this.#lanes.find(item);
    const space = this.#space;
    if (lane === undefined) return space !== 'tight';
    return restsUntil(lane) <= now && !isFull(lane, space, urgencyOf(item));
  }

  /** What the operator allows one connection of the lane; undefined: as many as the transport does. */
  messagesPerConnection(lane: Lane): number | undefined {
    const state = this.#lanes.find(lane);
    return state === undefined
      ? this.#limits.rules(lane).messagesPerConnection
      : messagesPerConnection(state);
  }

  /** What it shares with others; undefined: its hosts are its own, or nobody has told which they are. */
  sharedConnections(lane: Lane): SharedConnections | undefined {
    const group = this.#lanes.find(lane)?.group;
    return group && { key: group.key, connections: group.throttle.allowed };
  }

  /** What a lane does, and what it waits for; undefined: nothing is known of it. */
  reportOf(lane: Lane, now: number): LaneReport | undefined {
    const key = laneKey(lane);
    const since = this.#suspended.get(key);
    const state = this.#lanes.find(lane);
    const report = state && reportOf(state, now);
    if (since === undefined) return report;
    return { running: 0, allowed: 0, ...report, wait: { kind: 'suspended', since } };
  }

  /** Nothing of the lane is begun any more. What waits in it comes back, for the store to keep. */
  suspend(lane: Lane, since: number): readonly Pending[] {
    const key = laneKey(lane);
    if (!this.#suspended.has(key)) this.#suspended.set(key, since);
    const state = this.#lanes.find(lane);
    return state === undefined ? [] : this.#clear(state);
  }

  resume(lane: Lane): void {
    this.#suspended.delete(laneKey(lane));
  }

  /** Resumes all but these: another server may have been told to. @returns whether there was one */
  suspendedOnly(lanes: readonly Suspension[]): boolean {
    const keys = new Set(lanes.map(laneKey));
    const before = this.#suspended.size;
    for (const key of this.#suspended.keys()) if (!keys.has(key)) this.#suspended.delete(key);
    return this.#suspended.size < before;
  }

  /** Of which lanes no more items are wanted now, with enough of them in memory or resting, and of which only a few. */
  wanted(now: number): Wanted {
    return this.#lanes.wanted(now, this.#space);
  }

  /** Whether a lane that the store was told to leave out wants items again; asking resets it. */
  takeReopened(): boolean {
    return this.#lanes.takeReopened();
  }

  /**
   * Takes the item into memory; undefined when it is in. Otherwise the time until which its lane wants nothing: it
   * rests, it is slow or has a pace and has its share, or one attempt that has gone ahead is to show whether the
   * destination can be reached again.
   */
  add(pending: Pending, now: number): number | undefined {
    const { item, body, share } = pending;
    if (this.#held.has(item.id)) return undefined;
    // The store gives out nothing of a suspended lane: it stays due.
    if (this.#suspended.has(laneKey(item))) return item.due;
    const lane = this.#lanes.of(item);
    lane.overdue = item.expires <= now;
    const wait = this.#waitBefore(lane, now);
    if (wait !== undefined) return wait;
    lane.line.push(pending);
    this.#lanes.isActive(lane);
    this.#held.add(item.id);
    this.#waiting += 1;
    if (body !== undefined && (share === undefined || share.users++ === 0)) this.#bytes += body.size;
    this.#turns.offer(lane);
    return undefined;
  }

  /** The next item to run, or undefined when every lane is busy, resting or empty, or has no slot. `finish` it. */
  next(now: number): Pending | undefined {
    const lane = this.#turns.next(now);
    if (lane === undefined) return undefined;
    const pending = lane.line.take();
    this.#slots.begin(pending.item.id, lane, now);
    lane.throttle.begin(now);
    this.#groups.begin(lane, pending.item, now);
    this.#waiting -= 1;
    this.#lanes.shrunk(lane, this.#space);
    this.#turns.offer(lane);
    return pending;
  }

  /** Gives up the slots of attempts that take long. Items of lanes that have turned out to be slow come back, for the store. */
  makeRoom(now: number): readonly Pending[] {
    const back: Pending[] = [];
    for (const lane of this.#slots.moveSlow(now)) {
      for (const pending of lane.line.cutBehind(share(lane, this.#space))) {
        this.#takeOut(pending);
        back.push(pending);
      }
    }
    return back;
  }

  /**
   * The attempt is over; the item stays held until its outcome is written (`release`).
   * One that did not reach the destination may let the lane rest: then what waits in it comes back, for the store to keep.
   */
  finish(pending: Pending, reach: Reach, now: number): readonly Pending[] {
    const { lane, startedAt } = this.#slots.end(pending.item.id, now);
    this.#freeBytes(pending);
    const { throttle } = lane;
    const ofGroup = this.#finishInGroup(pending, reach, startedAt, now);
    if (reach === 'unasked') throttle.takeBack();
    else if (reach !== 'unreachable') {
      const failures = reach === 'reached' ? throttle.reached() : throttle.overcharged(startedAt, now);
      if (failures > 0) this.#limits.recovered?.(lane, failures);
    } else if (throttle.missed(startedAt, now)) {
      const left = [...ofGroup, ...this.#clear(lane)];
      this.#lanes.isActive(lane);
      const { laneRest, chance, rested } = this.#limits;
      throttle.rest(now, laneRest, chance(), timeLeft([pending, ...left], now));
      rested?.(lane, throttle.failures, throttle.restsUntil);
      return left;
    }
    this.#turns.offer(lane);
    if (throttle.running === 0 && lane.line.length === 0 && !this.#lanes.becameIdle(lane, now))
      this.#groups.leave(lane);
    return ofGroup;
  }

  /**
   * Whose hosts a running attempt is about to ask: from now on its lane shares their limits. false: these leave no room
   * now, and the attempt has to be put off (`putOff`).
   */
  join(pending: Pending, hosts: readonly string[], now: number): boolean {
    const { item } = pending;
    const lane = this.#lanes.find(item);
    const found = hosts.length === 0 ? undefined : this.#limits.groupOf?.(item, hosts);
    if (lane === undefined || found === undefined) return true;
    return this.#groups.join(lane, item, found.key, found.rules, now);
  }

  /** The attempt was none, because there was no room for it: the item waits for its turn again. */
  putOff(pending: Pending, now: number): void {
    const { lane } = this.#slots.end(pending.item.id, now);
    lane.throttle.takeBack();
    lane.line.putBack(pending);
    this.#lanes.isActive(lane);
    this.#waiting += 1;
    this.#turns.offer(lane);
  }

  /** The item's outcome is written, or somebody else's business: it is not in memory any more. */
  release(item: string): void {
    this.#held.delete(item);
  }

  /** Lets lanes run again whose rest is over, and forgets those that have been quiet for long. Call it now and then. */
  refresh(now: number): void {
    for (const lane of this.#lanes.all()) {
      if (restsUntil(lane) > now) continue;
      this.#turns.offer(lane);
      if (this.#lanes.isOver(lane, now)) {
        this.#lanes.forget(lane);
        this.#groups.leave(lane);
      }
    }
  }

  /** Lets lanes run again that waited for their pace. */
  paceOn(): void {
    this.#turns.resume();
  }

  /** Ends the rest of a lane: an operator asks for another try. */
  wake(lane: Lane): void {
    const state = this.#lanes.find(lane);
    if (state === undefined) return;
    state.throttle.wake();
    state.group?.throttle.wake();
    this.#turns.offer(state);
  }

  /** Takes a waiting item out of memory. false: it runs, has run, or is not here. */
  forget(item: QueueItem): boolean {
    const lane = this.#held.has(item.id) ? this.#lanes.find(item) : undefined;
    const pending = lane?.line.remove(item.id);
    if (pending === undefined) return false;
    this.#takeOut(pending);
    return true;
  }

  /** Everything that waits, taken out of memory: the server stops. */
  clear(): readonly Pending[] {
    return [...this.#lanes.all()].flatMap((lane) => this.#clear(lane));
  }

  /** Until when the lane wants nothing more; undefined: it takes another item. */
  #waitBefore(lane: LaneState, now: number): number | undefined {
    const { throttle } = lane;
    if (restsUntil(lane) > now) return restsUntil(lane);
    if (throttle.failures > 0) {
      if (isFull(lane, this.#space))
        return now + laneRest(throttle.failures, this.#limits.laneRest, this.#limits.chance());
    }
    const space = this.#space;
    return leavesRoom(lane, space) && isFull(lane, space) ? now + FULL_LANE_WAIT : undefined;
  }

  /** What came of an attempt for all who share its hosts. When these cannot be reached, whatever waits for them comes back. */
  #finishInGroup(pending: Pending, reach: Reach, startedAt: number, now: number): readonly Pending[] {
    const ended = this.#groups.finish(pending.item, reach, startedAt, now);
    if (ended === undefined) return [];
    const { group, dead } = ended;
    if (!dead) {
      for (const lane of group.woken()) this.#turns.offer(lane);
      return [];
    }
    const left: Pending[] = [];
    for (const lane of group.lanes) {
      this.#lanes.isActive(lane);
      left.push(...this.#clear(lane));
    }
    const { laneRest, chance } = this.#limits;
    group.throttle.rest(now, laneRest, chance(), timeLeft([pending, ...left], now));
    return left;
  }

  #clear(lane: LaneState): readonly Pending[] {
    const left = lane.line.clear();
    for (const pending of left) this.#takeOut(pending);
    return left;
  }

  #takeOut(pending: Pending): void {
    this.#held.delete(pending.item.id);
    this.#waiting -= 1;
    this.#freeBytes(pending);
  }

  #freeBytes({ body, share }: Pending): void {
    if (body === undefined) return;
    if (share === undefined || --share.users === 0) this.#bytes -= body.size;
  }
}

/** Until the first of them expires, so that its sender is told in time. */
function timeLeft(pendings: readonly Pending[], now: number): number {
  let left = Number.POSITIVE_INFINITY;
  for (const { item } of pendings) if (item.expires > now) left = Math.min(left, item.expires - now);
  return left;
}
