// The policies that are known, kept in memory and, one file each, on disk: a restart forgets none, and so leaves no gap in
// which somebody could take TLS away (RFC 8461 §5.1, §10.2).

import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@posthouse/core';
import { parsePolicy, type StsPolicy } from './policy.ts';

export interface KnownPolicy {
  readonly domain: string;
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly fetchedAt: number;
  /** As it came. */
  readonly text: string;
  readonly policy: StsPolicy;
}

/** Domains at a time; those that expire first go first. */
const MAX_POLICIES = 10_000;
/** Names longer than this are hashed: with what is behind them they would be no name of a file. */
const LONG = 200;
const SUFFIX = '.json';

export class PolicyFiles {
  readonly #folder: string;
  readonly #log: Logger;
  readonly #known = new Map<string, KnownPolicy>();
  #written: Promise<void> = Promise.resolve();

  constructor(folder: string, log: Logger) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Reads what an earlier run has kept. What cannot be read is passed over, and told. */
  async load(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.#folder)) {
      if (!name.endsWith(SUFFIX)) continue;
      try {
        const known = read(await readFile(join(this.#folder, name), 'utf8'));
        this.#known.set(known.domain, known);
      } catch (error) {
        this.#log.warn(
          { file: join(this.#folder, name), error: (error as Error).message },
          'no MTA-STS policy',
        );
      }
    }
  }

  find(domain: string): KnownPolicy | undefined {
    return this.#known.get(domain);
  }

  all(): Iterable<KnownPolicy> {
    return this.#known.values();
  }

  /** In memory at once; on disk when `flush` resolves. */
  put(known: KnownPolicy): void {
    this.#known.set(known.domain, known);
    if (this.#known.size > MAX_POLICIES) this.#removeFirstToExpire();
    const { domain, id, fetchedAt, text } = known;
    this.#then(async () => {
      const file = this.#fileOf(domain);
      const draft = await open(`${file}.new`, 'w', 0o600);
      try {
        await draft.writeFile(`${JSON.stringify({ domain, id, fetchedAt, text })}\n`);
        await draft.sync();
      } finally {
        await draft.close();
      }
      await rename(`${file}.new`, file);
    });
  }

  remove(domain: string): void {
    this.#known.delete(domain);
    this.#then(() => rm(this.#fileOf(domain), { force: true }));
  }

  /** Resolves when all changes so far are on disk, or could not be written and that is in the log. */
  flush(): Promise<void> {
    return this.#written;
  }

  #then(change: () => Promise<void>): void {
    this.#written = this.#written.then(change).catch((error: Error) => {
      this.#log.error({ error: error.message }, 'the MTA-STS policies cannot be kept');
    });
  }

  #removeFirstToExpire(): void {
    let first: KnownPolicy | undefined;
    for (const known of this.#known.values())
      if (first === undefined || expiry(known) < expiry(first)) first = known;
    if (first !== undefined) this.remove(first.domain);
  }

  #fileOf(domain: string): string {
    const name = domain.length > LONG ? createHash('sha256').update(domain).digest('hex') : domain;
    return join(this.#folder, `${name}${SUFFIX}`);
  }
}

/** Milliseconds since the epoch. */
export function expiry({ fetchedAt, policy }: KnownPolicy): number {
  return fetchedAt + policy.maxAge * 1000;
}

function read(json: string): KnownPolicy {
  const { domain, id, fetchedAt, text } = JSON.parse(json) as Record<string, unknown>;
  if (
    typeof domain !== 'string' ||
    typeof id !== 'string' ||
    typeof fetchedAt !== 'number' ||
    typeof text !== 'string'
  )
    throw new TypeError('not what was written');
  return { domain, id, fetchedAt, text, policy: parsePolicy(text) };
}
