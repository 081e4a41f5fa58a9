// The CAs that certificates are held to, where any are.

import { readFileSync } from 'node:fs';
import { type TlsTrust, trustIn } from '@posthouse/core/client';
import type { Config } from './config.ts';
import { asksSts, levelsOf } from './tls-policies.ts';

/** Throws a TypeError that names what is wrong. */
export function trustOf(config: Pick<Config, 'tls' | 'tlsPolicies' | 'caFile'>): TlsTrust | undefined {
  const { caFile } = config;
  const verifies = levelsOf(config).some((level) => level === 'verify' || asksSts(level));
  if (!verifies && caFile !== undefined)
    throw new TypeError(
      '`caFile` is of no use: neither `tls` nor `tlsPolicies` says `verify`, `mta-sts` or `published`',
    );
  if (!verifies) return undefined;
  if (caFile === undefined) return trustIn(undefined);
  try {
    return trustIn(readFileSync(caFile, 'utf8'));
  } catch (error) {
    throw new TypeError(`caFile: ${caFile}: ${(error as Error).message}`);
  }
}
