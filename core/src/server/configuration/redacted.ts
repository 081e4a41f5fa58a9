// A configuration for showing: whatever came from a secret is left out of it.

import { memberPath } from './problem.ts';
import { isPlain } from './source.ts';

export const REDACTED = '(secret)';

/** @param path where the value stands in the configuration, `plugins[2].config`; `secrets` are such paths. */
export function redacted(value: unknown, path: string, secrets: ReadonlySet<string>): unknown {
  if (secrets.has(path)) return REDACTED;
  if (Array.isArray(value)) {
    return value.map((member, index) => redacted(member, memberPath(path, index, true), secrets));
  }
  if (!isPlain(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key,
      redacted(member, memberPath(path, key, false), secrets),
    ]),
  );
}
