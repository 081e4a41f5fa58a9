// How long the disk under the queue takes for a sync, and whether that is so long that the event loop should not wait.

import { closeSync, fdatasyncSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** An odd number: one of them is in the middle. */
const SYNCS = 7;
/** Milliseconds of a sync above which the event loop should not wait for it. */
const SLOW = 1;

/** Milliseconds of a sync in this folder, the middle one of a few: one that others held up does not decide. */
export function syncTime(folder: string): number {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `sync-${process.pid}.tmp`);
  const block = new Uint8Array(4096);
  const descriptor = openSync(file, 'w');
  try {
    return middleOf(SYNCS, () => {
      const began = performance.now();
      writeSync(descriptor, block);
      fdatasyncSync(descriptor);
      return performance.now() - began;
    });
  } finally {
    closeSync(descriptor);
    rmSync(file, { force: true });
  }
}

export function middleOf(count: number, measure: () => number): number {
  const times = Array.from({ length: count }, measure).sort((a, b) => a - b);
  return times[count >> 1] as number;
}

/**
 * Where the database runs.
 * @param measured milliseconds of a sync; asked only where it decides
 */
export function placeFor(thread: 'auto' | 'main' | 'worker', measured: () => number): 'main' | 'worker' {
  if (thread !== 'auto') return thread;
  return measured() > SLOW ? 'worker' : 'main';
}
