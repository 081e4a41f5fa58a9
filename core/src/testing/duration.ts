// Durations in dialogue files.

const MILLISECONDS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

export function duration(text: string): number {
  const match = /^(\d+)(ms|s|m|h|d)$/.exec(text);
  if (match === null) throw new SyntaxError(`not a duration: ${text}`);
  return Number(match[1]) * (MILLISECONDS[match[2] as string] as number);
}
