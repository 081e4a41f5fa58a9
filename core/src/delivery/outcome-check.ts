// Holds a transport's outcome against the contract at run time, for transports that no compiler has seen.

import type { Outcome } from '../contract/index.ts';
import { isPermanentStatus, isTransientStatus, Mailbox } from '../smtp/index.ts';

/** What is wrong with the outcome, in words for the log; undefined when it is legal. */
export function faultOfOutcome(outcome: unknown): string | undefined {
  if (typeof outcome !== 'object' || outcome === null) return `a ${typeof outcome} is no outcome`;
  const given = outcome as Partial<Record<keyof Outcome | 'status' | 'text' | 'to', unknown>>;
  switch (given.kind) {
    case 'delivered':
    case 'discarded':
      return undefined;
    case 'failed':
      if (!isPermanentStatus(String(given.status))) return `failed takes a status 5.x.x, not ${given.status}`;
      return typeof given.text === 'string' ? undefined : 'failed takes a text';
    case 'deferred':
      if (!isTransientStatus(String(given.status))) return `deferred takes a status 4.x.x, not ${given.status}`;
      return typeof given.text === 'string' ? undefined : 'deferred takes a text';
    case 'redirected': {
      const { to } = given;
      const fits = Array.isArray(to) && to.length > 0 && to.every((each) => each instanceof Mailbox);
      return fits ? undefined : 'redirected takes a list of at least one Mailbox';
    }
    default:
      return `${JSON.stringify(given.kind)} is no outcome`;
  }
}
