// The groups that there are, and which running attempts count in them. Pure: time is an argument.

import type { QueueItem } from '../contract/index.ts';
import { HopGroup } from './hop-group.ts';
import type { LaneState } from './lane.ts';
import type { Reach } from './settlement.ts';
import type { LaneRules } from './throttle.ts';

interface Counted {
  readonly group: HopGroup;
  /** One of the group's hosts was asked. */
  asked: boolean;
}

export class Groups {
  readonly #groups = new Map<string, HopGroup>();
  /** By item. */
  readonly #counted = new Map<string, Counted>();

  /** An attempt of the lane begins. */
  begin({ group }: LaneState, item: QueueItem, now: number): void {
    if (group !== undefined) this.#count(group, item, now, false);
  }

  /**
   * A running attempt is about to ask hosts: from now on its lane is in the group. false: that has no room now.
   * @param rules where the group is a new one
   */
  join(lane: LaneState, item: QueueItem, key: string, rules: LaneRules, now: number): boolean {
    const counted = this.#counted.get(item.id);
    if (counted !== undefined) counted.asked = counted.group.key === key;
    if (lane.group?.key === key) return true;
    this.leave(lane);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = new HopGroup(key, rules);
      this.#groups.set(key, group);
    }
    group.add(lane);
    // It has asked others before, and may have delivered to some.
    if (counted !== undefined) return true;
    if (group.throttle.obstacle(now) !== undefined) return false;
    this.#count(group, item, now, true);
    return true;
  }

  /** The attempt is over. @returns its group, and whether that is dead: then let it rest */
  finish(
    item: QueueItem,
    reach: Reach,
    startedAt: number,
    now: number,
  ): { readonly group: HopGroup; readonly dead: boolean } | undefined {
    const counted = this.#counted.get(item.id);
    if (counted === undefined) return undefined;
    this.#counted.delete(item.id);
    const { group, asked } = counted;
    if (reach === 'reached') group.throttle.reached();
    else if (reach === 'overcharged') group.throttle.overcharged(startedAt, now);
    // What fails before a host is asked, in DNS say, is the destination's own trouble.
    else if (reach === 'unasked' || !asked) group.throttle.takeBack();
    else return { group, dead: group.throttle.missed(startedAt, now) };
    return { group, dead: false };
  }

  leave(lane: LaneState): void {
    const { group } = lane;
    if (group === undefined) return;
    group.remove(lane);
    lane.group = undefined;
    if (group.lanes.size === 0) this.#groups.delete(group.key);
  }

  #count(group: HopGroup, { id }: QueueItem, now: number, asked: boolean): void {
    group.throttle.begin(now);
    this.#counted.set(id, { group, asked });
  }
}
