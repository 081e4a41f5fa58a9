// A schema word for configurations: one of several words.

import { Type } from 'typebox';

/** One of several words, as JSON Schema's `enum`, so that a wrong one is answered with the list. */
export function OneOf<const W extends readonly string[], const O extends object>(words: W, options: O) {
  return Type.Unsafe<W[number]>({ type: 'string', enum: [...words], ...options });
}
