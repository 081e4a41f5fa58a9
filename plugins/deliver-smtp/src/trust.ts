// The CAs that certificates are held to.

import { readFileSync } from 'node:fs';
import { type TlsTrust, trustIn } from '@posthouse/core/client';
import type { Config } from './config.ts';
import { asksSts, levelsOf } from './tls-policies.ts';

/** Throws a TypeError that names what is wrong. */
export function trustOf(config: Pick<Config, 'tls' | 'tlsPolicies' | 'caFile'>): TlsTrust {
  const { caFile } = config;
  if (caFile === undefined) {
    // Where only a message may ask for it (REQUIRETLS), the system's are read when the first one does.
    return levelsOf(config).some((level) => level === 'verify' || asksSts(level))
      ? trustIn(undefined)
      : onDemand();
  }
  try {
    return trustIn(readFileSync(caFile, 'utf8'));
  } catch (error) {
    throw new TypeError(`caFile: ${caFile}: ${(error as Error).message}`);
  }
}

function onDemand(): TlsTrust {
  let read: TlsTrust | undefined;
  return {
    get secureContext() {
      read ??= trustIn(undefined);
      return read.secureContext;
    },
  };
}
