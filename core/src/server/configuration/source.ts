// A configuration as plain data that may be changed in place, with what is known about where each part came from.
// Two makers: yaml-source.ts for files, and `fromObject` here for definitions in TypeScript.

import { below, type Position } from './problem.ts';

export interface Source {
  /** As the user named it, for messages; undefined where the definition is TypeScript. */
  readonly file: string | undefined;
  /** What stands in the file; undefined where the definition is TypeScript. */
  readonly text: string | undefined;
  /** From where relative paths are taken. */
  readonly folder: string;
  readonly value: unknown;
  /** JSON Pointers of the values that came from a secret. */
  readonly secrets: ReadonlySet<string>;
  /** JSON Pointers of whatever was written, before any default. */
  readonly written: ReadonlySet<string>;
  /** Where the member stands: its value, or its key. Falls back to what surrounds it. */
  locate(pointer: string, part: 'value' | 'key'): Position | undefined;
}

export function fromObject(value: unknown, folder: string): Source {
  const copy = copyData(value);
  return {
    file: undefined,
    text: undefined,
    folder,
    value: copy,
    secrets: new Set(),
    written: pointersOf(copy),
    locate: () => undefined,
  };
}

/** A copy of the plain objects and lists in it; anything else is left as it is. */
function copyData(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyData);
  if (!isPlain(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) => (member === undefined ? [] : [[key, copyData(member)]])),
  );
}

export function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function pointersOf(value: unknown, pointer = '', into: Set<string> = new Set()): Set<string> {
  into.add(pointer);
  if (Array.isArray(value))
    for (const [index, member] of value.entries()) pointersOf(member, below(pointer, index), into);
  else if (isPlain(value))
    for (const [key, member] of Object.entries(value)) pointersOf(member, below(pointer, key), into);
  return into;
}

/** In JSON's words. */
export function typeOf(value: unknown): string {
  if (value === null) return 'nothing';
  return Array.isArray(value) ? 'array' : typeof value;
}
