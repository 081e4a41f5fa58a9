// Signs one message as it goes out: chooses the keys by who the message says it is from, and makes a field for each.

import type { FinalMessage, ReversePath } from '@posthouse/core';
import { BodyHash, type Canonicalization } from '@posthouse/core/dkim';
import { asciiDomain, authorDomains } from './author-domains.ts';
import type { Config } from './config.ts';
import { chooseFields, contentOf, type Field, fieldsOf } from './header-fields.ts';
import type { KeyRing, SigningKey } from './key-ring.ts';
import { signatureField } from './signature.ts';

export type SignerSettings = Pick<
  Config,
  'domainOf' | 'also' | 'canonicalization' | 'headers' | 'oversign' | 'expire'
>;

export class Signer {
  readonly #keys: Pick<KeyRing, 'for'>;
  readonly #domainOf: Config['domainOf'];
  readonly #also: readonly string[];
  readonly #headerCanonicalization: Canonicalization;
  readonly #bodyCanonicalization: Canonicalization;
  readonly #signed: readonly string[];
  readonly #oversigned: ReadonlySet<string>;
  readonly #expire: number | undefined;

  constructor(settings: SignerSettings, keys: Pick<KeyRing, 'for'>) {
    this.#keys = keys;
    this.#domainOf = settings.domainOf;
    this.#also = settings.also.map(asciiDomain);
    const [header, body] = settings.canonicalization.split('/') as [Canonicalization, Canonicalization];
    this.#headerCanonicalization = header;
    this.#bodyCanonicalization = body;
    // RFC 6376 §5.4: From is always signed.
    const names = new Set(
      ['from', ...settings.headers, ...settings.oversign].map((name) => name.toLowerCase()),
    );
    this.#signed = [...names];
    this.#oversigned = new Set(settings.oversign.map((name) => name.toLowerCase()));
    this.#expire = settings.expire;
  }

  /** The fields for the top of the message, '' where no key is for it. @param now milliseconds since the epoch */
  async sign(message: FinalMessage, sender: ReversePath, now: number): Promise<string> {
    const fields = fieldsOf(message.header);
    const keys = this.#keysFor(fields, sender);
    if (keys.length === 0) return '';
    const bodyHash = await bodyHashOf(message, this.#bodyCanonicalization);
    const chosen = chooseFields(fields, this.#signed, this.#oversigned);
    const signedAt = Math.floor(now / 1000);
    const expiresAt = this.#expire === undefined ? undefined : Math.floor((now + this.#expire) / 1000);
    const facts = {
      headerCanonicalization: this.#headerCanonicalization,
      bodyCanonicalization: this.#bodyCanonicalization,
      signedAt,
      expiresAt,
      bodyHash,
    };
    const signatures = keys.map(({ key, ...name }) => signatureField({ ...facts, ...name }, chosen, key));
    return (await Promise.all(signatures)).join('');
  }

  #keysFor(fields: readonly Field[], sender: ReversePath): readonly SigningKey[] {
    const keys = new Set<SigningKey>();
    for (const domain of this.#domainsOf(fields, sender))
      for (const key of this.#keys.for(domain)) keys.add(key);
    for (const domain of this.#also) for (const key of this.#keys.for(domain)) keys.add(key);
    if (keys.size === 0) return [];
    const there = existingSignatures(fields);
    return [...keys].filter(({ domain, selector }) => !there.has(nameOf(domain, selector)));
  }

  #domainsOf(fields: readonly Field[], sender: ReversePath): readonly string[] {
    const ofSender = sender === null ? [] : [asciiDomain(sender.domain)];
    if (this.#domainOf === 'sender') return ofSender;
    const from = fields.filter(({ name }) => name === 'from');
    // RFC 5322 §3.6 allows one From. Of several nobody knows which one a reader will be shown.
    const ofFrom = from.length === 1 ? authorDomains(contentOf(from[0] as Field)) : [];
    if (this.#domainOf === 'from') return ofFrom;
    return ofFrom.some((domain) => this.#keys.for(domain).length > 0) ? ofFrom : ofSender;
  }
}

/** `s._domainkey.d` of the signatures that a message has already: nobody signs twice with one key. */
function existingSignatures(fields: readonly Field[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const field of fields) {
    if (field.name !== 'dkim-signature') continue;
    const tags = new Map(
      contentOf(field)
        .split(';')
        .map((tag): [string, string] => {
          const at = tag.indexOf('=');
          return [tag.slice(0, at).trim(), tag.slice(at + 1).trim()];
        }),
    );
    names.add(nameOf(tags.get('d') ?? '', tags.get('s') ?? ''));
  }
  return names;
}

function nameOf(domain: string, selector: string): string {
  return `${selector}._domainkey.${domain}`.toLowerCase();
}

async function bodyHashOf(message: FinalMessage, canonicalization: Canonicalization): Promise<string> {
  const hash = new BodyHash(canonicalization);
  if (message.inMemory !== undefined) for (const bytes of message.inMemory) hash.update(bytes);
  else for await (const bytes of message.open()) hash.update(bytes);
  return hash.digest();
}
