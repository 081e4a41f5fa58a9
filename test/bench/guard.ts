// The floors that no change may fall below. Times belong to the machine and the minute; what is compared is the rate of
// other servers in the same run.

import type { Job } from './contestant.ts';
import { ratio } from './report.ts';
import type { Row } from './tournament.ts';

/** Multiples of Postfix's rate. */
const OF_POSTFIX: Readonly<Record<Job, number>> = { accept: 4, relay: 2, maildir: 1 };
/** Shares of the rate of the bare responder, which answers, syncs, and does nothing else. */
const OF_RESPONDER = 0.25;

/** A sentence for each floor that was not reached. */
export function belowTheFloor(rows: readonly Row[]): readonly string[] {
  return rows.flatMap((row) => {
    const { job } = row.scenario;
    const floors = [
      ['Postfix', OF_POSTFIX[job]],
      ['bare responder', OF_RESPONDER],
    ] as const;
    return floors.flatMap(([other, floor]) => {
      const reached = ratio(row, 'Posthouse', other);
      return reached === undefined || reached >= floor
        ? []
        : [`${job}: ${reached.toFixed(2)} times the rate of ${other}, the floor is ${floor}`];
    });
  });
}
