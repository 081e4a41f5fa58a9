// Listens to the checks and counts what is to be reported. What a policy came to is only known with the verdict: in mode
// `observe` it is not applied.

import type { Events } from '@posthouse/core';
import { Tally } from '@posthouse/core/reporting';
import { type Authenticated, type Row, rowOf } from './row.ts';

/** The reason that check-auth gives for what the author's policy asks for. */
const POLICY = 'dmarc.fail';

export class Gatherer {
  readonly #tally = new Tally<Row>();
  readonly #skips: (domain: string) => boolean;
  /** Checked, and the verdict not yet given. */
  readonly #open = new Map<string, Authenticated>();

  /** @param exclude domains that get no report, with those below them */
  constructor(exclude: readonly string[]) {
    const excluded = exclude.map((domain) => domain.toLowerCase());
    this.#skips = (domain) => excluded.some((one) => domain === one || domain.endsWith(`.${one}`));
  }

  /** Kinds of results that wait for the disk. */
  get size(): number {
    return this.#tally.size;
  }

  checked(facts: Authenticated): void {
    if (this.#skips(facts.dmarc.policyDomain.toLowerCase())) return;
    if (facts.applied === 'none') this.#count(facts);
    else this.#open.set(facts.session, facts);
  }

  judged({ session, hook, reason, applied }: Events['verdict-given']): void {
    const facts = this.#open.get(session);
    if (facts === undefined || hook !== 'on-data' || reason !== POLICY) return;
    this.#open.delete(session);
    if (applied) this.#count(facts);
    else this.#count(facts, 'none', 'local_policy');
  }

  /** The connection is gone, and whatever the verdict would have been. */
  closed(session: string): void {
    this.#open.delete(session);
  }

  drain(): string {
    return this.#tally.drain();
  }

  #count(facts: Authenticated, applied = facts.applied, override = facts.override): void {
    const row = rowOf(facts, applied, override);
    if (row !== undefined) this.#tally.add(row);
  }
}
