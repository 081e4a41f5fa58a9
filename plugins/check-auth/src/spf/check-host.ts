// check_host() of RFC 7208 §4: may this client send for this domain? Policies are read once and then known by their text.
// Not for: `exp=`, whose text nobody is shown.

import { Known } from '../known.ts';
import type { Lookups } from '../lookups.ts';
import { type Address, octetsOf, sameNetwork } from './address.ts';
import { expand, type MacroString, uses } from './macro.ts';
import { isPolicy, type Mechanism, type Policy, parsePolicy } from './policy.ts';

export type SpfVerdict = 'none' | 'neutral' | 'pass' | 'fail' | 'softfail' | 'temperror' | 'permerror';

/** §4.6.4: terms that ask DNS, and those of them that may find nothing. */
const MAX_TERMS = 10;
const MAX_VOID = 2;
/** §4.6.4: hosts of one `mx`, and names of one `ptr`. */
const MAX_HOSTS = 10;

export class Policies {
  readonly #known = new Known<{ readonly policy: Policy | undefined }>((text) => ({
    policy: parsePolicy(text),
  }));

  read(record: string): Policy | undefined {
    return this.#known.get(record).policy;
  }
}

export interface Identity {
  readonly sender: string;
  readonly client: Address;
  readonly helo: string;
}

/** Ends the evaluation: what came to light decides for all of it. */
class Decided {
  readonly verdict: 'permerror' | 'temperror';
  constructor(verdict: Decided['verdict']) {
    this.verdict = verdict;
  }
}

export class HostCheck {
  readonly #policies: Policies;
  readonly #lookups: Lookups;
  readonly #identity: Identity;
  #terms = 0;
  #void = 0;
  #validated: Promise<readonly string[]> | undefined;
  #usedLocalPart = false;

  constructor(policies: Policies, lookups: Lookups, identity: Identity) {
    this.#policies = policies;
    this.#lookups = lookups;
    this.#identity = identity;
  }

  /** Whether a policy has looked at more than the sender's domain. */
  get usedLocalPart(): boolean {
    return this.#usedLocalPart;
  }

  async check(domain: string): Promise<SpfVerdict> {
    try {
      return await this.#checkHost(domain);
    } catch (error) {
      return error instanceof Decided ? error.verdict : 'temperror';
    }
  }

  async #checkHost(domain: string): Promise<SpfVerdict> {
    // §4.3
    if (!isDomain(domain)) return 'none';
    const records = (await this.#lookups.txt(domain)).filter(isPolicy);
    if (records.length === 0) return 'none';
    const policy = records.length > 1 ? undefined : this.#policies.read(records[0] as string);
    if (policy === undefined) return 'permerror';
    for (const mechanism of policy.mechanisms) {
      if (mechanism.kind === 'all') return mechanism.qualifier;
      if (mechanism.kind === 'ip') {
        const { network, bits } = mechanism;
        if (sameNetwork(network.octets, this.#identity.client.octets, bits)) return mechanism.qualifier;
        continue;
      }
      this.#countTerm();
      if (await this.#matches(mechanism, domain)) return mechanism.qualifier;
    }
    if (policy.redirect === undefined) return 'neutral';
    this.#countTerm();
    const verdict = await this.#checkHost(await this.#target(policy.redirect, domain));
    // §6.1
    return verdict === 'none' ? 'permerror' : verdict;
  }

  async #matches(mechanism: Exclude<Mechanism, { kind: 'all' | 'ip' }>, domain: string): Promise<boolean> {
    const target = mechanism.target === undefined ? domain : await this.#target(mechanism.target, domain);
    switch (mechanism.kind) {
      case 'include': {
        // §5.2
        const verdict = await this.#checkHost(target);
        if (verdict === 'temperror' || verdict === 'permerror') throw new Decided(verdict);
        if (verdict === 'none') throw new Decided('permerror');
        return verdict === 'pass';
      }
      case 'exists':
        // §5.7: A, whatever the client's family is.
        return isDomain(target) && this.#counted(await this.#lookups.a(target)).length > 0;
      case 'ptr':
        return (await this.#validatedNames()).some((name) => isWithin(name, target));
      case 'a':
        return isDomain(target) && this.#holds(this.#counted(await this.#addresses(target)), mechanism);
      default:
        return isDomain(target) && this.#matchesMx(target, mechanism);
    }
  }

  async #matchesMx(
    target: string,
    sizes: { readonly bits4: number; readonly bits6: number },
  ): Promise<boolean> {
    const hosts = this.#counted(await this.#lookups.mx(target));
    // §4.6.4
    if (hosts.length > MAX_HOSTS) throw new Decided('permerror');
    for (const host of hosts) {
      if (isDomain(host) && this.#holds(await this.#addresses(host), sizes)) return true;
    }
    return false;
  }

  #addresses(host: string): Promise<readonly string[]> {
    return this.#identity.client.family === 4 ? this.#lookups.a(host) : this.#lookups.aaaa(host);
  }

  #holds(
    addresses: readonly string[],
    { bits4, bits6 }: { readonly bits4: number; readonly bits6: number },
  ): boolean {
    const { octets, family } = this.#identity.client;
    return addresses.some((address) => {
      const other = octetsOf(address);
      return other !== undefined && sameNetwork(other, octets, family === 4 ? bits4 : bits6);
    });
  }

  async #target(parts: MacroString, domain: string): Promise<string> {
    if (uses(parts, 'sl')) this.#usedLocalPart = true;
    const validated = uses(parts, 'p') ? preferred(await this.#validatedNames(), domain) : 'unknown';
    const { sender, client, helo } = this.#identity;
    let name = expand(parts, { sender, client, helo, domain, validated }).toLowerCase().replace(/\.$/, '');
    // §7.3: labels are taken off from the left until it fits.
    if (name.length > 253) {
      const dot = name.indexOf('.', name.length - 254);
      name = dot === -1 ? '' : name.slice(dot + 1);
    }
    return name;
  }

  /** §5.5: names of the client that lead back to it. What cannot be looked up is none. */
  #validatedNames(): Promise<readonly string[]> {
    this.#validated ??= this.#validate();
    return this.#validated;
  }

  async #validate(): Promise<readonly string[]> {
    const { octets } = this.#identity.client;
    const bits = octets.length * 8;
    const names: string[] = [];
    const found = await this.#lookups.ptr().catch(() => []);
    this.#counted(found);
    for (const name of found.slice(0, MAX_HOSTS)) {
      const addresses = isDomain(name) ? await this.#addresses(name).catch(() => []) : [];
      if (this.#holds(addresses, { bits4: bits, bits6: bits })) names.push(name.toLowerCase());
    }
    return names;
  }

  #countTerm(): void {
    this.#terms += 1;
    if (this.#terms > MAX_TERMS) throw new Decided('permerror');
  }

  #counted<T>(records: readonly T[]): readonly T[] {
    if (records.length === 0) {
      this.#void += 1;
      if (this.#void > MAX_VOID) throw new Decided('permerror');
    }
    return records;
  }
}

/** §4.3: a name that DNS can be asked for: of several labels, none of them empty or too long; `%_` may bring blanks. */
function isDomain(name: string): boolean {
  return name.length <= 253 && /^[^.\p{Cc}]{1,63}(?:\.[^.\p{Cc}]{1,63})+$/u.test(name);
}

function isWithin(name: string, target: string): boolean {
  return name === target || name.endsWith(`.${target}`);
}

/** §7.3: the domain itself, else a name below it, else any. */
function preferred(names: readonly string[], domain: string): string {
  return (
    names.find((name) => name === domain) ??
    names.find((name) => isWithin(name, domain)) ??
    names[0] ??
    'unknown'
  );
}
