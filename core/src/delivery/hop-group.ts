// A group: the destinations whose mail goes to the same hosts. A provider with a thousand domains is one next hop, and
// sees the connections and the mail of all of them together. Pure.

import type { LaneState } from './lane.ts';
import { type LaneRules, Throttle } from './throttle.ts';

export class HopGroup {
  readonly key: string;
  readonly throttle: Throttle;
  readonly lanes = new Set<LaneState>();
  /** Those that wait until an attempt of another one ends, in turn. */
  readonly #waiting = new Set<LaneState>();

  constructor(key: string, rules: LaneRules) {
    this.key = key;
    this.throttle = new Throttle(rules);
  }

  add(lane: LaneState): void {
    lane.group?.remove(lane);
    lane.group = this;
    this.lanes.add(lane);
  }

  remove(lane: LaneState): void {
    this.lanes.delete(lane);
    this.#waiting.delete(lane);
  }

  /** The lane would run if another one did not. */
  wait(lane: LaneState): void {
    this.#waiting.add(lane);
  }

  /** Those whose turn it is now, as many as may run. */
  woken(): readonly LaneState[] {
    const woken: LaneState[] = [];
    let free = this.throttle.allowed - this.throttle.running;
    for (const lane of this.#waiting) {
      if (free <= 0) break;
      this.#waiting.delete(lane);
      woken.push(lane);
      free -= 1;
    }
    return woken;
  }
}
