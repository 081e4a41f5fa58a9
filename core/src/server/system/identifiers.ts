// Names for messages, items and sessions: sixteen characters that sort by time, unique across servers and restarts.
// Nine characters of milliseconds, three of a counter within the millisecond, four of chance drawn once at start.

import type { Chance, Clock, Identifiers } from '../../contract/index.ts';

// Crockford's alphabet: no I, L, O, U, so that an id survives being read aloud.
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

export function systemIdentifiers(clock: Clock, chance: Chance): Identifiers {
  const instance = encode(Math.floor(chance.next() * 32 ** 4), 4);
  let millisecond = 0;
  let prefix = '';
  let counter = 0;
  return {
    next(): string {
      const now = clock.now();
      if (now > millisecond) {
        millisecond = now;
        prefix = encode(now, 9);
        counter = 0;
      } else {
        counter += 1;
        if (counter === 32 ** 3) {
          // More in one millisecond than the counter holds, or a clock that was set back: run ahead of it.
          millisecond += 1;
          prefix = encode(millisecond, 9);
          counter = 0;
        }
      }
      return prefix + encode(counter, 3) + instance;
    },
  };
}

function encode(value: number, length: number): string {
  let text = '';
  let rest = value;
  for (let place = 0; place < length; place++) {
    text = ALPHABET.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}
