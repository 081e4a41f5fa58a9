// Durations, sizes and rates: from what people write to numbers, and back to what people read.

const MILLISECONDS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

const OCTETS: ReadonlyMap<string, number> = new Map([
  ['B', 1],
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
  ['TiB', 2 ** 40],
]);

export const DURATION_FORM = 'a duration such as 500ms, 30s, 5m, 2h or 5d (a bare number is milliseconds)';
export const RATE_FORM = 'a rate such as 20/s, 600/m, 1000/h or 5000/d (a bare number is times in a second)';
export const BYTE_SIZE_FORM = 'a size such as 64 KiB, 50 MiB or 1 GiB (a bare number is octets)';

/** Milliseconds; undefined when the value is no duration. */
export function parseDuration(value: string | number): number | undefined {
  return parse(value, MILLISECONDS);
}

/** Octets; undefined when the value is no size. */
export function parseByteSize(value: string | number): number | undefined {
  return parse(value, OCTETS);
}

/** Times in a second, more than none; undefined when the value is no rate. */
export function parseRate(value: string | number): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value > 0 ? value : undefined;
  const match = /^(\d{1,9}(?:\.\d{1,6})?)\/(s|m|h|d)$/.exec(value);
  if (match === null) return undefined;
  const [, times, unit] = match as unknown as [string, string, string];
  const rate = (Number(times) * 1000) / (MILLISECONDS.get(unit) as number);
  return rate > 0 ? rate : undefined;
}

/** In the smallest unit of which it is a whole number, `600/m` rather than `10.0/s` where that is not whole. */
export function formatRate(perSecond: number): string {
  for (const [unit, milliseconds] of MILLISECONDS) {
    const times = (perSecond * milliseconds) / 1000;
    if (unit !== 'ms' && Math.abs(times - Math.round(times)) < 1e-6 * times)
      return `${Math.round(times)}/${unit}`;
  }
  return `${perSecond}/s`;
}

function parse(value: string | number, units: ReadonlyMap<string, number>): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  const match = /^(\d{1,16}(?:\.\d{1,6})?) ?([A-Za-z]*)$/.exec(value);
  if (match === null) return undefined;
  const [, amount, unit] = match as unknown as [string, string, string];
  // Without a unit a fraction would be part of an octet or of a millisecond.
  const factor = unit === '' ? (amount.includes('.') ? undefined : 1) : units.get(unit);
  if (factor === undefined) return undefined;
  const result = Math.round(Number(amount) * factor);
  return Number.isSafeInteger(result) ? result : undefined;
}

/** Exact: the largest unit that leaves no remainder. */
export function formatDuration(milliseconds: number): string {
  return format(milliseconds, MILLISECONDS, '', 'ms');
}

/** Exact: the largest unit that leaves no remainder. */
export function formatByteSize(octets: number): string {
  return format(octets, OCTETS, ' ', 'B');
}

function format(value: number, units: ReadonlyMap<string, number>, gap: string, smallest: string): string {
  if (value === 0) return `0${gap}${smallest}`;
  for (const [unit, factor] of [...units].reverse()) {
    if (value % factor === 0) return `${value / factor}${gap}${unit}`;
  }
  return `${value}${gap}${smallest}`;
}

/** For a table: one unit, rounded down, `3d` rather than `3d 4h`. */
export function roughDuration(milliseconds: number): string {
  for (const [unit, factor] of [...MILLISECONDS].reverse()) {
    if (milliseconds >= factor && unit !== 'ms') return `${Math.floor(milliseconds / factor)}${unit}`;
  }
  return '0s';
}

/** For a table: three digits at most. */
export function roughByteSize(octets: number): string {
  for (const [unit, factor] of [...OCTETS].reverse()) {
    if (octets < factor) continue;
    const amount = octets / factor;
    return `${amount < 10 && factor > 1 ? amount.toFixed(1) : Math.round(amount)} ${unit}`;
  }
  return '0 B';
}
