// Schema words for configurations beyond plain JSON Schema: durations, sizes, rates and paths.
// People write `5m`, `50 MiB`, `20/s` and `./var`; plugins read milliseconds, octets, times in a second and absolute paths.

import { type TUnsafe, Type } from 'typebox';

// The words for everything else: plugins write their schemas with the builder that the core checks them with.
export { type Static, Type } from 'typebox';

interface Described {
  readonly description: string;
}
type With<O> = O extends { default: unknown } ? { default: unknown } : unknown;

/** Milliseconds. Written as a number of milliseconds or as `500ms`, `30s`, `5m`, `2h`, `5d`. */
export function Duration<const O extends Described & { default?: string | number }>(
  options: O,
): TUnsafe<number> & With<O> {
  return Type.Unsafe<number>({
    ...options,
    type: ['number', 'string'],
    posthouse: 'duration',
  }) as TUnsafe<number> & With<O>;
}

/** Octets. Written as a number of octets or as `64 KiB`, `50 MiB`, `1 GiB`. */
export function ByteSize<const O extends Described & { default?: string | number }>(
  options: O,
): TUnsafe<number> & With<O> {
  return Type.Unsafe<number>({
    ...options,
    type: ['number', 'string'],
    posthouse: 'byte-size',
  }) as TUnsafe<number> & With<O>;
}

/** How often: times in a second. Written as a number, or as `20/s`, `600/m`, `1000/h`, `5000/d`. */
export function Rate<const O extends Described>(options: O): TUnsafe<number> {
  return Type.Unsafe<number>({ ...options, type: ['number', 'string'], posthouse: 'rate' });
}

/** A file or folder. A relative path is taken from the folder of the configuration file; plugins get it absolute. */
export function FilePath<const O extends Described & { default?: string }>(
  options: O,
): TUnsafe<string> & With<O> {
  return Type.Unsafe<string>({ ...options, type: 'string', posthouse: 'path' }) as TUnsafe<string> & With<O>;
}
