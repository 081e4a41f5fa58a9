// The aliases of some domains: which addresses they are, and the full expansion of each. Pure.
// Not here: how names and targets are written (alias-syntax.ts).

import { domainToASCII } from 'node:url';
import { Mailbox, mailbox, PosthouseError } from '@posthouse/core';
import { type AliasName, type AliasTarget, parseAliasName, parseAliasTarget } from './alias-syntax.ts';

export interface AliasTableOptions {
  readonly domains: readonly string[];
  readonly recipientDelimiter?: string;
  readonly stripDetail: boolean;
}

export type Expansion =
  | { readonly kind: 'targets'; readonly targets: readonly Mailbox[] }
  /** The address is no alias. */
  | { readonly kind: 'none' }
  /** Every way leads back to where it came from, and no mailbox is left. */
  | { readonly kind: 'loop' }
  | { readonly kind: 'too-many' };

/** Results of one expansion, and addresses looked up for it. */
const MAX_TARGETS = 1000;
/** Stands for an address that only a catch-all covers. */
const NOBODY = 'any other';

interface Alias {
  readonly targets: readonly AliasTarget[];
  readonly where: string;
}

export class AliasTable {
  readonly #domains: ReadonlySet<string>;
  readonly #firstDomain: string;
  readonly #delimiter: string | undefined;
  readonly #stripDetail: boolean;
  readonly #byAddress = new Map<string, Alias>();
  readonly #byLocal = new Map<string, Alias>();
  readonly #byDomain = new Map<string, Alias>();

  constructor({ domains, recipientDelimiter, stripDetail }: AliasTableOptions) {
    const keys = domains.map((domain, index) => domainKey(domain, `domains[${index}]`));
    this.#domains = new Set(keys);
    this.#firstDomain = keys[0] ?? '';
    this.#delimiter = recipientDelimiter;
    this.#stripDetail = stripDetail;
  }

  /** `where` names the place in the configuration, for the PosthouseError `config-invalid` that a bad alias earns. */
  add(name: string, targets: readonly string[], where: string): void {
    const parsedName = parseAliasName(name, where);
    const [map, key] = this.#placeOf(parsedName, where);
    const before = map.get(key);
    if (before !== undefined) {
      throw new PosthouseError(
        'config-invalid',
        `${where}: "${name.trim()}" stands in ${before.where} already`,
      );
    }
    map.set(key, { targets: targets.map((target) => parseAliasTarget(target, where)), where });
  }

  /** Throws a PosthouseError `config-invalid` for an alias that can never reach a mailbox, or too many. */
  check(): void {
    for (const [key, { where }] of this.#byAddress) {
      const at = key.lastIndexOf('@');
      this.#checkOne(new Mailbox(key.slice(0, at), key.slice(at + 1)), where);
    }
    for (const domain of this.#domains) {
      for (const [local, { where }] of this.#byLocal) this.#checkOne(new Mailbox(local, domain), where);
      const catchAll = this.#byDomain.get(domain);
      if (catchAll !== undefined) this.#checkOne(new Mailbox(NOBODY, domain), catchAll.where);
    }
  }

  /** A name of the table covers the address. */
  isAlias(address: Mailbox): boolean {
    return this.#find(address) !== undefined;
  }

  /** The address has an expansion: it is an alias, or carries a detail that is to be dropped. */
  redirects(address: Mailbox): boolean {
    return this.#targetsOf(address) !== undefined;
  }

  /**
   * Where mail for the address goes in the end, each target once. Aliases among the targets are expanded in turn;
   * an alias that names itself keeps a copy: there the name stands for the mailbox.
   */
  expand(address: Mailbox): Expansion {
    const start = this.#targetsOf(address);
    if (start === undefined) return { kind: 'none' };
    const results = new Map<string, Mailbox>();
    const visited = new Set([keyOf(address)]);
    const open = [{ from: address, targets: start }];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const { from, targets } = next;
      const deeper: typeof open = [];
      for (const target of targets) {
        const to =
          target.kind === 'address' ? target.address : new Mailbox(target.local, this.#domainOf(from));
        const key = keyOf(to);
        const onward = target.final || key === keyOf(from) ? undefined : this.#targetsOf(to);
        if (onward === undefined) results.set(key, to);
        else if (!visited.has(key)) {
          visited.add(key);
          deeper.push({ from: to, targets: onward });
        }
      }
      open.push(...deeper.reverse());
      if (results.size > MAX_TARGETS || visited.size > MAX_TARGETS) return { kind: 'too-many' };
    }
    return results.size === 0 ? { kind: 'loop' } : { kind: 'targets', targets: [...results.values()] };
  }

  #targetsOf(address: Mailbox): readonly AliasTarget[] | undefined {
    const alias = this.#find(address);
    if (alias !== undefined) return alias.targets;
    const base = this.#stripDetail && this.#isOurs(address) ? this.#withoutDetail(address.local) : undefined;
    return base === undefined ? undefined : [{ kind: 'local', local: base, final: false }];
  }

  /** The most exact name wins: the address, the address without its detail, then the same without domain, then the domain. */
  #find(address: Mailbox): Alias | undefined {
    if (!this.#isOurs(address)) return undefined;
    const domain = this.#domainOf(address);
    const base = this.#withoutDetail(address.local);
    return (
      this.#byAddress.get(addressKey(address.local, domain)) ??
      (base === undefined ? undefined : this.#byAddress.get(addressKey(base, domain))) ??
      this.#byLocal.get(localKey(address.local)) ??
      (base === undefined ? undefined : this.#byLocal.get(localKey(base))) ??
      this.#byDomain.get(domain)
    );
  }

  #isOurs({ domain }: Mailbox): boolean {
    // RFC 5321 §4.5.1: the bare postmaster is ours too.
    return domain === '' || this.#domains.has(ascii(domain));
  }

  #domainOf({ domain }: Mailbox): string {
    return domain === '' ? this.#firstDomain : ascii(domain);
  }

  #withoutDetail(local: string): string | undefined {
    if (this.#delimiter === undefined) return undefined;
    const at = local.indexOf(this.#delimiter);
    return at > 0 ? local.slice(0, at) : undefined;
  }

  #placeOf(name: AliasName, where: string): readonly [Map<string, Alias>, string] {
    if (name.kind === 'local') return [this.#byLocal, localKey(name.local)];
    const domain = ascii(name.kind === 'address' ? name.address.domain : name.domain);
    if (!this.#domains.has(domain)) {
      throw new PosthouseError('config-invalid', `${where}: ${domain} is not among the domains`);
    }
    if (name.kind === 'catch-all') return [this.#byDomain, domain];
    return [this.#byAddress, addressKey(name.address.local, domain)];
  }

  #checkOne(address: Mailbox, where: string): void {
    const { kind } = this.expand(address);
    const trouble =
      kind === 'loop'
        ? 'leads only back to itself'
        : kind === 'too-many'
          ? `has more than ${MAX_TARGETS} targets`
          : '';
    if (trouble === '') return;
    throw new PosthouseError(
      'config-invalid',
      `${where}: the alias ${trouble} (tried with ${address.toString()})`,
    );
  }
}

function keyOf({ local, domain }: Mailbox): string {
  return addressKey(local, ascii(domain));
}

function addressKey(local: string, domain: string): string {
  return `${localKey(local)}@${domain}`;
}

/** RFC 5321 §2.4 leaves the case of local parts to us, the final host. */
function localKey(local: string): string {
  return local.normalize('NFC').toLowerCase();
}

function domainKey(domain: string, where: string): string {
  try {
    return ascii(mailbox(`postmaster@${domain}`).domain);
  } catch (cause) {
    throw new PosthouseError('config-invalid', `${where}: "${domain}" is not a domain name`, { cause });
  }
}

/** U-labels and A-labels of the same name are the same domain (RFC 5890 §2.3.2.1). */
function ascii(domain: string): string {
  return /[^ -~]/.test(domain) ? domainToASCII(domain) || domain : domain;
}
