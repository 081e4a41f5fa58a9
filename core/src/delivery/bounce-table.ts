// The core's own classifier: what the next hop says in words, then what its status says. Pure.

import type { BounceClass, BounceClassifier, Bounced } from '../contract/index.ts';
import { PHRASES } from './bounce-phrases.ts';
import { classOfStatus } from './bounce-statuses.ts';

/** Characters of a reply that are looked at. */
const LONGEST = 1000;

export function classify({ status, remote }: Bounced): BounceClass {
  // Words of our own would only say again what our status says.
  if (remote === undefined) return classOfStatus(status);
  const words = wordsOf(remote.reply);
  return PHRASES.find(([, pattern]) => pattern.test(words))?.[0] ?? classOfStatus(status);
}

export const bounceTable: BounceClassifier = { classify };

/** In small letters, without the addresses: nobody chooses a class by the name that he gives himself. */
function wordsOf(reply: string): string {
  return reply
    .slice(0, LONGEST)
    .replace(/<[^<>]{0,320}>/g, ' ')
    .replace(/[^\s<>@]{1,64}@[^\s<>@]{1,255}/g, ' ')
    .replace(/\s+/g, ' ')
    .toLowerCase();
}
