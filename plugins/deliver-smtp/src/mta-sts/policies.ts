// The MTA-STS policies of the domains that mail goes to (RFC 8461): asked for where DNS says that there is one, kept for
// their max_age, fetched anew when their id changes, and once a day while they are in use.

import { type Clock, type Logger, PosthouseError, type Resolver, type Timer } from '@posthouse/core';
import { FetchError, type FetchedPolicy, type StsProblem } from './fetch.ts';
import { policyId, type StsPolicy } from './policy.ts';
import { expiry, type KnownPolicy, type PolicyFiles } from './policy-files.ts';

export interface StsServices {
  readonly resolver: Pick<Resolver, 'txt'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly files: PolicyFiles;
  /** Rejects with a FetchError. */
  readonly fetch: (domain: string) => Promise<FetchedPolicy>;
}

export interface DomainPolicy {
  /** undefined: the domain has none, or none that could be had, and mail goes as if it had none (§3.3). */
  readonly policy?: StsPolicy;
  /** As it came, for reports. */
  readonly text?: string;
  /** Why there is none, or why the one that is used may not be the latest. */
  readonly problem?: { readonly type: StsProblem; readonly text: string };
}

const MINUTE = 60_000;
/** §3.3: after a failure the same policy is left alone for a while. */
const PAUSE = 5 * MINUTE;
/** How often is looked for policies that are due, and how old one is then. */
const ROUND = 60 * MINUTE;
const REFRESH_AFTER = 24 * 60 * MINUTE;
/** Domains whose failure is remembered; the oldest go first. */
const MAX_FAILURES = 10_000;
const AT_A_TIME = 4;

interface Failure {
  readonly id: string;
  readonly until: number;
  readonly problem: NonNullable<DomainPolicy['problem']>;
}

export class MtaStsPolicies {
  readonly #services: StsServices;
  readonly #failures = new Map<string, Failure>();
  readonly #fetching = new Map<string, Promise<void>>();
  /** Since the policy was fetched, or since the start. */
  readonly #used = new Set<string>();
  #timer: Timer | undefined;

  constructor(services: StsServices) {
    this.#services = services;
  }

  async start(): Promise<void> {
    await this.#services.files.load();
    for (const { domain } of this.#services.files.all()) this.#used.add(domain);
    this.#timer = this.#services.clock.every(ROUND, () => {
      this.refresh().catch((error: Error) =>
        this.#services.log.error({ error: error.message }, 'MTA-STS policies could not be refreshed'),
      );
    });
  }

  async stop(): Promise<void> {
    this.#timer?.stop();
    await this.#services.files.flush();
  }

  /** What holds for mail to the domain now. Waits for a fetch where nothing is known yet. */
  async of(domain: string, signal: AbortSignal): Promise<DomainPolicy> {
    const id = await this.#idOf(domain, signal);
    const known = this.#valid(domain);
    if (known !== undefined) this.#used.add(domain);
    if (id === undefined || known?.id === id) return known ?? {};
    await this.#fetchAs(domain, id);
    const problem = this.#failures.get(domain)?.problem;
    return { ...this.#valid(domain), ...(problem && { problem }) };
  }

  /** Fetches anew what is a day old and in use, and forgets what has expired. */
  async refresh(): Promise<void> {
    const now = this.#services.clock.now();
    const due: KnownPolicy[] = [];
    for (const known of this.#services.files.all()) {
      if (expiry(known) <= now) this.#forget(known);
      else if (isDue(known, now) && this.#used.has(known.domain)) due.push(known);
    }
    const workers = Array.from({ length: AT_A_TIME }, async () => {
      for (let next = due.shift(); next !== undefined; next = due.shift()) await this.#refreshOne(next);
    });
    await Promise.all(workers);
  }

  async #refreshOne({ domain, id }: KnownPolicy): Promise<void> {
    const { log } = this.#services;
    const current = (await this.#idOf(domain, new AbortController().signal)) ?? id;
    await this.#fetchAs(domain, current);
    const problem = this.#failures.get(domain)?.problem;
    // §10.2: the domain would have to know, and may learn it from us.
    if (problem !== undefined)
      log.warn(
        { domain, problem: problem.type, text: problem.text },
        'MTA-STS policy could not be refreshed',
      );
  }

  async #idOf(domain: string, signal: AbortSignal): Promise<string | undefined> {
    try {
      return policyId(await this.#services.resolver.txt(`_mta-sts.${domain}`, signal));
    } catch (error) {
      // Nothing is known: what was known before still holds (§5.1).
      if (PosthouseError.is(error, 'dns-unavailable')) return undefined;
      throw error;
    }
  }

  #valid(domain: string): KnownPolicy | undefined {
    const known = this.#services.files.find(domain);
    return known !== undefined && expiry(known) > this.#services.clock.now() ? known : undefined;
  }

  /** Whoever asks for a domain at the same time shares the fetch. */
  #fetchAs(domain: string, id: string): Promise<void> {
    const failure = this.#failures.get(domain);
    if (failure?.id === id && failure.until > this.#services.clock.now()) return Promise.resolve();
    let fetching = this.#fetching.get(domain);
    if (fetching === undefined) {
      fetching = this.#fetch(domain, id).finally(() => this.#fetching.delete(domain));
      this.#fetching.set(domain, fetching);
    }
    return fetching;
  }

  async #fetch(domain: string, id: string): Promise<void> {
    const { clock, files, fetch } = this.#services;
    this.#failures.delete(domain);
    try {
      const { policy, text } = await fetch(domain);
      files.put({ domain, id, fetchedAt: clock.now(), text, policy });
      this.#used.delete(domain);
    } catch (error) {
      if (!(error instanceof FetchError)) throw error;
      const problem = { type: error.problem, text: error.message };
      this.#failures.set(domain, { id, until: clock.now() + PAUSE, problem });
      if (this.#failures.size > MAX_FAILURES)
        this.#failures.delete(this.#failures.keys().next().value as string);
    }
  }

  #forget({ domain }: KnownPolicy): void {
    this.#services.files.remove(domain);
    this.#used.delete(domain);
  }
}

/** §3.3: well before it expires. */
function isDue({ fetchedAt, policy }: KnownPolicy, now: number): boolean {
  return now >= fetchedAt + Math.min(REFRESH_AFTER, policy.maxAge * 500);
}
