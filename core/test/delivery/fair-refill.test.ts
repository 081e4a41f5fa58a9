// A destination with a million waiting items, all of them due before anybody else's: what it does to the others. Simulated
// on a fake clock, with a store that makes the items as they are asked for.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  Delivery,
  Lane,
  Outcome,
  QueueChange,
  QueueEntry,
  QueueItem,
  TakeRequest,
} from '../../src/contract/index.ts';
import { Outcome as Outcomes } from '../../src/contract/index.ts';
import { MemoryStore } from '../../src/intake/memory-store.ts';
import { fakeClock } from '../../src/testing/fake-clock.ts';
import { delivered, HOUR, room } from './scripted-room.ts';

const MILLION = 1_000_000;
const OTHERS = 40;
const EACH = 15;
const WINDOW = 200;
const FLOOD = 'flood.example';

/** As a MemoryStore, with a million more items in one lane. */
class FloodedStore extends MemoryStore {
  /** Items that nobody has seen yet, and those that were made and wait. */
  unseen = MILLION;
  made = 0;
  /** Items that a scheduler holds, and the most that they have been. */
  leased = 0;
  peak = 0;
  #template: QueueItem | undefined;

  /** @param item one of a message that stays */
  flood(item: QueueItem): void {
    this.#template = { ...item, destination: FLOOD, recipients: [{ address: `joe@${FLOOD}` }] };
  }

  override async take(request: TakeRequest): Promise<readonly QueueEntry[]> {
    await this.#make(request);
    const taken = await super.take(request);
    this.made -= taken.filter(({ item }) => isFlood(item)).length;
    this.leased += taken.length;
    this.peak = Math.max(this.peak, this.leased);
    return taken;
  }

  override async commit(change: QueueChange): Promise<void> {
    await super.commit(change);
    this.made += (change.update ?? []).filter(isFlood).length;
    this.leased -= (change.update ?? []).length + (change.remove ?? []).length;
    for (const { leaseUntil, items } of change.put ?? [])
      if (leaseUntil !== undefined) this.leased += items.length;
  }

  async #make({ limit, except }: TakeRequest): Promise<void> {
    const template = this.#template;
    if (template === undefined || except.some(isFlood)) return;
    const add: QueueItem[] = [];
    while (this.made < limit && this.unseen > 0) {
      this.unseen -= 1;
      this.made += 1;
      add.push({ ...template, id: `flood${String(this.unseen).padStart(7, '0')}`, due: template.due - HOUR });
    }
    await super.commit({ add });
  }
}

function isFlood({ destination }: Lane): boolean {
  return destination === FLOOD;
}

const REFUSED = Outcomes.deferred('4.4.1', 'connection refused', { scope: 'destination' });

for (const { what, takes, answer, atLeast } of [
  { what: 'takes mail at once', takes: 0, answer: delivered, atLeast: 200 },
  { what: 'takes five seconds for each', takes: 5000, answer: delivered, atLeast: 10 },
  { what: 'cannot be reached', takes: 0, answer: REFUSED, atLeast: 0 },
] satisfies { what: string; takes: number; answer: Outcome; atLeast: number }[]) {
  test(`a destination with a million items that ${what} lets all others have theirs`, async () => {
    const clock = fakeClock();
    const store = new FloodedStore();
    let ofFlood = 0;
    let ofOthers = 0;
    const carry = ({ destination }: Delivery): Promise<Outcome> =>
      new Promise((resolve) => {
        const isOther = destination !== FLOOD;
        clock.after(isOther ? 50 : Math.max(50, takes), () => {
          if (isOther) ofOthers += 1;
          else if (answer === delivered) ofFlood += 1;
          resolve(isOther ? delivered : answer);
        });
      });
    const far = { claim: ({ domain }: { domain: string }) => domain, deliver: carry };
    const here = room({ far }, { store, clock, settings: { window: WINDOW } });
    const { items } = await here.put(['stays@held.example'], { item: { state: 'held' } });
    store.flood({ ...(items[0] as QueueItem), state: 'waiting' });
    here.scheduler.start();
    await clock.advance(2000);

    for (let other = 0; other < OTHERS; other++)
      for (let each = 0; each < EACH; each++) await here.put([`joe@other${other}.example`]);
    await clock.advance(5000);
    assert.equal(ofOthers, OTHERS * EACH, 'the others have theirs within five seconds');

    await here.put(['late@other.example'], { offer: true });
    await clock.advance(1000);
    assert.equal(ofOthers, OTHERS * EACH + 1, 'and whoever comes later within one');
    await clock.advance(4000);
    assert.ok(ofFlood >= atLeast, `${ofFlood} of the many`);
    assert.ok(store.peak <= WINDOW, `${store.peak} items in memory`);
    assert.ok(store.unseen > MILLION * 0.9, `${MILLION - store.unseen} of the many were looked at`);
  });
}
