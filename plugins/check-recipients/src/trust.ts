// The CAs that certificates of sources are held to.

import { readFileSync } from 'node:fs';
import { PosthouseError } from '@posthouse/core';
import { type TlsTrust, trustIn } from '@posthouse/core/client';

/** Throws `config-invalid`. @param caFile without it, the CAs of the system @param source for the error */
export function trustOf(caFile: string | undefined, source: string): TlsTrust {
  try {
    return trustIn(caFile === undefined ? undefined : readFileSync(caFile, 'utf8'));
  } catch (cause) {
    const text = `check-recipients: ${source}.caFile: ${caFile}: ${(cause as Error).message}`;
    throw new PosthouseError('config-invalid', text, { cause });
  }
}
