// The private keys: read and checked at the start, read again when their files change, found by domain.

import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { type Logger, PosthouseError } from '@posthouse/core';
import { asciiDomain } from './author-domains.ts';
import type { KeyConfig } from './config.ts';
import type { Algorithm } from './signature.ts';

export interface SigningKey {
  /** In A-labels and small letters. */
  readonly domain: string;
  readonly selector: string;
  readonly algorithm: Algorithm;
  readonly key: KeyObject;
}

/** RFC 8301 §3.2: shorter ones are not to be used, and less than 2048 bits are not advised. */
const MIN_RSA = 1024;
const ADVISED_RSA = 2048;
const MAX_FILE = 65_536;

interface Place {
  readonly domain: string;
  readonly selector: string;
  readonly subdomains: boolean;
  readonly file: string | undefined;
  readonly text: string | undefined;
  /** The key's file, or its place in the configuration: never the key. */
  readonly where: string;
}

export class KeyRing {
  readonly #places: readonly Place[];
  readonly #log: Logger;
  readonly #keys = new Map<Place, SigningKey>();
  readonly #versions = new Map<Place, string>();
  /** By domain; whether it stands for the domains below as well is the place's word. */
  readonly #byDomain = new Map<string, Place[]>();

  /** Throws a PosthouseError `config-invalid` for what can be seen without reading a file. */
  constructor(configured: readonly KeyConfig[], log: Logger) {
    this.#log = log;
    this.#places = configured.map(placeOf);
    const names = new Set<string>();
    for (const place of this.#places) {
      const name = `${place.selector}._domainkey.${place.domain}`.toLowerCase();
      if (names.has(name)) throw invalid(place.where, `there is another key with the name ${name}`);
      names.add(name);
      const same = this.#byDomain.get(place.domain);
      if (same === undefined) this.#byDomain.set(place.domain, [place]);
      else same.push(place);
    }
  }

  /** Reads every key. Rejects with a PosthouseError `config-invalid` that names the file. */
  async load(): Promise<void> {
    for (const place of this.#places) {
      const version = await versionOf(place);
      this.#keys.set(place, this.#parsed(place, await textOf(place)));
      this.#versions.set(place, version);
    }
  }

  /** Reads the files that have changed. A key that cannot be used leaves the old one in place, and is logged. */
  async reload(): Promise<void> {
    for (const place of this.#places) {
      if (place.file === undefined) continue;
      try {
        const version = await versionOf(place);
        if (version === this.#versions.get(place)) continue;
        // Also a broken file is told of once, not every minute.
        this.#versions.set(place, version);
        this.#keys.set(place, this.#parsed(place, await textOf(place)));
        this.#log.info({ file: place.file, selector: place.selector }, 'key read anew');
      } catch (error) {
        this.#log.error(
          { file: place.file, error: error instanceof Error ? error.message : String(error) },
          'key not read anew; the one before stays in use',
        );
      }
    }
  }

  /** Whether there is a key of exactly this name, for the configuration. */
  has(domain: string): boolean {
    return this.#byDomain.has(domain);
  }

  /** The keys that sign for a domain: its own, or those of the nearest domain above that stand for it. */
  for(domain: string): readonly SigningKey[] {
    const own = this.#byDomain.get(domain);
    if (own !== undefined) return this.#ready(own);
    for (let dot = domain.indexOf('.'); dot !== -1; dot = domain.indexOf('.', dot + 1)) {
      const above = this.#byDomain.get(domain.slice(dot + 1))?.filter(({ subdomains }) => subdomains) ?? [];
      if (above.length > 0) return this.#ready(above);
    }
    return [];
  }

  #ready(places: readonly Place[]): readonly SigningKey[] {
    return places.flatMap((place) => this.#keys.get(place) ?? []);
  }

  #parsed({ domain, selector, where }: Place, text: string): SigningKey {
    let key: KeyObject;
    try {
      key = createPrivateKey(text);
    } catch (cause) {
      // OpenSSL's words say nothing of the key's octets.
      throw invalid(where, `is no private key in PEM form (${(cause as Error).message})`, cause);
    }
    if (key.asymmetricKeyType === 'ed25519') return { domain, selector, algorithm: 'ed25519-sha256', key };
    if (key.asymmetricKeyType !== 'rsa')
      throw invalid(where, `is a key for ${key.asymmetricKeyType}; DKIM knows rsa and ed25519`);
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
    if (bits < MIN_RSA) throw invalid(where, `is an RSA key of ${bits} bits; RFC 8301 asks for ${MIN_RSA}`);
    if (bits < ADVISED_RSA)
      this.#log.warn({ where, bits }, `the RSA key is short; ${ADVISED_RSA} bits are advised (RFC 8301)`);
    return { domain, selector, algorithm: 'rsa-sha256', key };
  }
}

function placeOf({ domain, selector, key, keyFile, subdomains }: KeyConfig, index: number): Place {
  const at = `keys[${index}]`;
  const ascii = asciiDomain(domain);
  if (ascii === '') throw invalid(at, `"${domain}" is not a domain name`);
  if ((key === undefined) === (keyFile === undefined))
    throw invalid(at, 'takes either keyFile or key: one of the two');
  const where = keyFile === undefined ? `${at}.key` : `${at}.keyFile ${keyFile}`;
  return { domain: ascii, selector, subdomains, file: keyFile, text: key, where };
}

async function textOf({ file, text, where }: Place): Promise<string> {
  if (file === undefined) return text ?? '';
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw invalid(where, `cannot be read: ${codeOf(cause)}`, cause);
  }
}

/** Changes with the file. */
async function versionOf({ file, where }: Place): Promise<string> {
  if (file === undefined) return '';
  try {
    const { mtimeMs, ctimeMs, size, ino } = await stat(file);
    if (size > MAX_FILE) throw invalid(where, `is larger than ${MAX_FILE} octets`);
    return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
  } catch (cause) {
    if (cause instanceof PosthouseError) throw cause;
    throw invalid(where, `cannot be read: ${codeOf(cause)}`, cause);
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}

function invalid(where: string, why: string, cause?: unknown): PosthouseError {
  return new PosthouseError('config-invalid', `sign-dkim: ${where} ${why}`, { cause });
}
