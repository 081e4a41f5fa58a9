// The DKIM signatures of one message (RFC 6376 §6): its body is hashed as it comes by, its keys are asked for meanwhile.

import { createHash, verify } from 'node:crypto';
import { BodyHash, signingInput } from '@posthouse/core/dkim';
import type { Field } from '../header-fields.ts';
import { LookupFailure, type Lookups } from '../lookups.ts';
import type { DkimResult } from '../results.ts';
import type { KeyFault, KeyRecords, PublicKey } from './key-record.ts';
import { isWithin, parseSignature, type Signature, type Unusable } from './signature.ts';

export interface VerifierSettings {
  /** Of RSA (RFC 8301 §3.2). */
  readonly minBits: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** RSA keys up to this size are verified at once, in 0.07 ms; larger ones in the thread pool, which costs more. */
const AT_ONCE = 4096;
/** Characters of a signature that tell it from others (RFC 6008). */
const TELLING = 8;

type Judged = Pick<DkimResult, 'result' | 'reason'>;
type Key = PublicKey | KeyFault | { readonly failure: string };

interface Pending {
  readonly signature: Signature;
  readonly body: BodyHash;
  readonly key: Promise<Key>;
}

export class DkimVerifier {
  readonly #fields: readonly Field[];
  readonly #settings: VerifierSettings;
  readonly #signatures: readonly ((Judged & { readonly name: Unusable | Signature }) | Pending)[];
  readonly #bodies = new Map<string, BodyHash>();

  /** Begins to ask for the keys. @param fields of the whole header section */
  constructor(fields: readonly Field[], keys: KeyRecords, lookups: Lookups, settings: VerifierSettings) {
    this.#fields = fields;
    this.#settings = settings;
    const known = new Map<string, Promise<Key>>();
    const keyFor = (name: string): Promise<Key> => {
      const asked = known.get(name) ?? keyAt(name, keys, lookups);
      known.set(name, asked);
      return asked;
    };
    this.#signatures = fields
      .filter(({ name }) => name === 'dkim-signature')
      .map(({ raw }) => {
        const signature = parseSignature(raw);
        if ('unusable' in signature)
          return { result: 'neutral', reason: signature.unusable, name: signature };
        // RFC 8301 §3.1
        if (signature.algorithm === 'rsa-sha1')
          return { result: 'policy', reason: 'weak-algorithm', name: signature };
        const key = keyFor(`${signature.selector}._domainkey.${signature.domain}`);
        return { signature, body: this.#bodyFor(signature), key };
      });
  }

  /** Whether the body has anything to say. */
  get wantsBody(): boolean {
    return this.#bodies.size > 0;
  }

  update(bytes: Uint8Array): void {
    for (const body of this.#bodies.values()) body.update(bytes);
  }

  /** From the top; one `none` where the message is not signed. No body may follow. */
  async results(): Promise<readonly DkimResult[]> {
    if (this.#signatures.length === 0)
      return [
        { result: 'none', domain: '', selector: '', identity: '', algorithm: '', signature: '', reason: '' },
      ];
    const digests = new Map([...this.#bodies.values()].map((body) => [body, body.digest()]));
    const results: DkimResult[] = [];
    for (const each of this.#signatures) {
      if ('name' in each) results.push(resultOf(each.name, each));
      else
        results.push(
          resultOf(each.signature, await this.#judge(each.signature, digests.get(each.body) ?? '', each.key)),
        );
    }
    return results;
  }

  #bodyFor({ body, limit }: Signature): BodyHash {
    const key = `${body} ${limit}`;
    const hash = this.#bodies.get(key) ?? new BodyHash(body, limit);
    this.#bodies.set(key, hash);
    return hash;
  }

  async #judge(signature: Signature, bodyHash: string, asked: Promise<Key>): Promise<Judged> {
    // §6.1.3
    if (signature.bodyHash !== bodyHash) return { result: 'fail', reason: 'body hash did not verify' };
    const key = await asked;
    if ('failure' in key) return { result: 'temperror', reason: key.failure };
    if ('fault' in key) return { result: 'neutral', reason: key.fault };
    const judged = this.#judgeKey(key, signature);
    if (judged !== undefined) return judged;
    if (!(await this.#isGood(signature, key))) return { result: 'fail', reason: 'bad signature' };
    const expired = signature.expiresAt !== undefined && signature.expiresAt * 1000 < this.#settings.now;
    return expired ? { result: 'neutral', reason: 'expired' } : { result: 'pass', reason: '' };
  }

  /** §6.1.2: what a key does not allow. */
  #judgeKey(
    { type, bits, hashes, strict }: PublicKey,
    { algorithm, domain, identityDomain }: Signature,
  ): Judged | undefined {
    const neutral = (reason: string): Judged => ({ result: 'neutral', reason });
    if (hashes !== undefined && !hashes.includes('sha256')) return neutral('inappropriate hash algorithm');
    if (type === 'rsa' && bits < this.#settings.minBits) return { result: 'policy', reason: 'weak-key' };
    if (!algorithm.startsWith(type)) return neutral('inappropriate key algorithm');
    const below = identityDomain !== undefined && !isWithin(domain, identityDomain);
    return strict && below ? neutral('domain mismatch') : undefined;
  }

  #isGood(signature: Signature, { type, key, bits }: PublicKey): boolean | Promise<boolean> {
    const input = signingInput(
      chosen(this.#fields, signature.fields).map(({ raw }) => `${raw}\r\n`),
      signature.own,
      signature.header,
    );
    const octets = Buffer.from(signature.value, 'base64');
    // RFC 8463 §3: Ed25519 signs the hash.
    if (type === 'ed25519') return verify(null, createHash('sha256').update(input).digest(), key, octets);
    if (bits <= AT_ONCE) return verify('sha256', input, key, octets);
    return new Promise((resolve) => {
      verify('sha256', input, key, octets, (error, good) => resolve(error === null && good));
    });
  }
}

async function keyAt(name: string, keys: KeyRecords, lookups: Lookups): Promise<Key> {
  try {
    const [record] = await lookups.txt(name);
    return record === undefined ? { fault: 'no key' } : keys.read(record);
  } catch (error) {
    const why = error instanceof LookupFailure ? error.code : String(error);
    return { failure: `DNS failure: ${why}` };
  }
}

/** §5.4.2: each name stands for the lowest field of that name that is not taken yet. */
function chosen(fields: readonly Field[], names: readonly string[]): readonly Field[] {
  const left = new Map<string, Field[]>(names.map((name) => [name, []]));
  for (const field of fields) left.get(field.name)?.push(field);
  return names.flatMap((name) => left.get(name)?.pop() ?? []);
}

function resultOf(
  { domain, selector, identity, algorithm, value }: Signature | Unusable,
  { result, reason }: Judged,
): DkimResult {
  return {
    result,
    domain: domain.toLowerCase(),
    selector,
    identity,
    algorithm,
    signature: value.slice(0, TELLING),
    reason,
  };
}
