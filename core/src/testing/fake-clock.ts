// Time and chance in the hands of a test.

import { setImmediate as turn } from 'node:timers/promises';
import type { Chance, Clock, Timer } from '../contract/index.ts';

export interface FakeClock extends Clock {
  /** Lets that many milliseconds pass: timers run in order, and what they set off settles between them. */
  advance(milliseconds: number): Promise<void>;
  /** Timers that run. */
  readonly timers: number;
}

/** 2026-01-05 12:00:00 UTC, a Monday. */
const START = Date.UTC(2026, 0, 5, 12);

interface Alarm {
  due: number;
  readonly period: number;
  readonly repeats: boolean;
  readonly then: () => void;
}

export function fakeClock(start: number = START): FakeClock {
  let now = start;
  const alarms = new Set<Alarm>();
  const set = (milliseconds: number, then: () => void, repeats: boolean): Timer => {
    const period = Math.max(repeats ? 1 : 0, milliseconds);
    const alarm: Alarm = { due: now + period, period, repeats, then };
    alarms.add(alarm);
    return {
      stop: () => {
        alarms.delete(alarm);
      },
      restart: () => {
        alarm.due = now + period;
        alarms.add(alarm);
      },
    };
  };
  return {
    now: () => now,
    get timers() {
      return alarms.size;
    },
    after: (milliseconds, then) => set(milliseconds, then, false),
    every: (milliseconds, then) => set(milliseconds, then, true),
    async advance(milliseconds) {
      const end = now + milliseconds;
      await settled();
      for (;;) {
        const next = earliest(alarms);
        if (next === undefined || next.due > end) break;
        now = Math.max(now, next.due);
        if (next.repeats) next.due += next.period;
        else alarms.delete(next);
        next.then();
        await settled();
      }
      now = end;
      await settled();
    },
  };
}

/** Gives its values in turn, over and over. */
export function fakeChance(...values: readonly number[]): Chance {
  let turns = 0;
  return { next: () => values[turns++ % values.length] ?? 0.5 };
}

function earliest(alarms: ReadonlySet<Alarm>): Alarm | undefined {
  let first: Alarm | undefined;
  for (const alarm of alarms) if (first === undefined || alarm.due < first.due) first = alarm;
  return first;
}

/** What promises and immediates have set off has run: a few turns of the event loop, no time. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 4; turns++) await turn();
}
