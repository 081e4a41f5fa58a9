// DMARC (RFC 7489, RFC 9989) by mailauth, whose answers are kept for a moment: mail of one author's domain comes in
// numbers, and most of it aligns in the same way.

import type { DmarcAnswer, Engine } from './engine.ts';
import { contentOf, type Field } from './header-fields.ts';
import type { Lookups } from './lookups.ts';
import type { DmarcResult, MessageResults } from './results.ts';

/** Milliseconds; the Resolver keeps what it was told for a minute besides. */
const KEEP = 30_000;
/** Answers at a time; the oldest goes first. */
const ROOM = 2000;

interface Evaluation {
  readonly response: DmarcAnswer | false;
  readonly reason?: string;
}

export class DmarcCheck {
  readonly #engine: () => Engine;
  readonly #kept = new Map<string, { readonly evaluation: Evaluation; readonly until: number }>();

  /** @param engine is asked for with the first message */
  constructor(engine: () => Engine) {
    this.#engine = engine;
  }

  /** @param now milliseconds since the epoch */
  async check(
    fields: readonly Field[],
    { spf, dkim }: Pick<MessageResults, 'spf' | 'dkim'>,
    lookups: Lookups,
    now: number,
  ): Promise<DmarcResult> {
    const from = fields.filter(({ name }) => name === 'from');
    const authors = from.flatMap((field) => this.#mailboxesIn(contentOf(field))).map(withoutPlainLocalPart);
    const signers = dkim.filter(({ result }) => result === 'pass').map(({ domain }) => domain);
    const spfDomains = spf.result === 'pass' ? [spf.domain] : [];
    const question = JSON.stringify([authors, from.length, spfDomains, signers]);
    const evaluation =
      this.#known(question, now) ??
      (await this.#engine().evaluateDmarc({
        headerFrom: authors,
        fromFields: from.length,
        spfDomains,
        dkimDomains: signers,
        resolver: lookups.askForPolicy,
        strict: true,
      }));
    this.#keep(question, evaluation, now);
    return resultOf(evaluation, [spf, ...dkim]);
  }

  #known(question: string, now: number): Evaluation | undefined {
    const kept = this.#kept.get(question);
    return kept !== undefined && kept.until > now ? kept.evaluation : undefined;
  }

  #keep(question: string, evaluation: Evaluation, now: number): void {
    const { response } = evaluation;
    const unsure = response !== false && response.status.result === 'temperror';
    const kept = this.#kept.get(question);
    if (unsure || (kept !== undefined && kept.until > now)) return;
    this.#kept.delete(question);
    this.#kept.set(question, { evaluation, until: now + KEEP });
    if (this.#kept.size > ROOM) this.#kept.delete(this.#kept.keys().next().value as string);
  }

  /** RFC 6854: the mailboxes of a group are authors like any other. */
  #mailboxesIn(from: string): readonly string[] {
    return this.#engine()
      .addresses(from.trim())
      .flatMap((each) => each.group ?? [each])
      .flatMap(({ address }) => (address === undefined || address === '' ? [] : [address]));
  }
}

/** Who at a domain has written does not matter, where there is no doubt about the domain. */
function withoutPlainLocalPart(address: string): string {
  const domain = /^[\w.+-]{1,64}@([a-z\d][a-z\d.-]*)$/i.exec(address)?.[1];
  return domain === undefined ? address : `x@${domain.toLowerCase()}`;
}

function resultOf(
  { response, reason = '' }: Evaluation,
  checks: readonly { readonly result: string; readonly domain: string }[],
): DmarcResult {
  const none = {
    policy: 'none',
    record: '',
    policyDomain: '',
    spfAligned: false,
    dkimAligned: false,
  } as const;
  // RFC 8601 §2.7.2 has `permerror` for what can never be evaluated.
  if (response === false) return { ...none, result: 'permerror', from: '', reason };
  const { status, alignment, policy = 'none', rr = '', policyDomain = '' } = response;
  const undecided = status.result === 'fail' && mayAlign(response.domain, checks);
  return {
    result: undecided ? 'temperror' : status.result,
    from: status.header?.from ?? '',
    reason: undecided ? 'an aligned domain gave no answer' : '',
    policy,
    record: rr,
    policyDomain,
    spfAligned: alignment?.spf.result !== undefined,
    dkimAligned: alignment?.dkim.result !== undefined,
  };
}

/**
 * A check that DNS has kept from ending could still align: then the message has not failed (RFC 7489 §6.6.2). Only the
 * author's own domain counts, or anybody could put a refusal off with a dead name of his.
 */
function mayAlign(
  organization: string,
  checks: readonly { readonly result: string; readonly domain: string }[],
): boolean {
  return checks.some(
    ({ result, domain }) =>
      result === 'temperror' && (domain === organization || domain.endsWith(`.${organization}`)),
  );
}
