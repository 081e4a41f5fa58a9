// The private key: read and checked at the start, read again when its file changes. The form is that of sign-dkim.

import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { type Logger, PosthouseError } from '@posthouse/core';
import type { Config } from './config.ts';

/** RFC 8301 §3.2. */
const MIN_RSA = 1024;
const MAX_FILE = 65_536;

export class SealingKey {
  readonly #file: string | undefined;
  readonly #text: string | undefined;
  readonly #log: Logger;
  #version = '';
  #key: KeyObject | undefined;

  /** Throws a PosthouseError `config-invalid` unless there is one key, in a file or in the configuration. */
  constructor({ key, keyFile }: Pick<Config, 'key' | 'keyFile'>, log: Logger) {
    if ((key === undefined) === (keyFile === undefined))
      throw invalid('takes either keyFile or key: one of the two');
    this.#file = keyFile;
    this.#text = key;
    this.#log = log;
  }

  get key(): KeyObject | undefined {
    return this.#key;
  }

  /** Rejects with a PosthouseError `config-invalid` that names the file. */
  async load(): Promise<void> {
    this.#version = await this.#versionNow();
    this.#key = parsed(this.#file === undefined ? (this.#text ?? '') : await readFile(this.#file, 'utf8'));
  }

  /** A key that cannot be used leaves the old one in place, and is logged once. */
  async reload(): Promise<void> {
    if (this.#file === undefined) return;
    try {
      const version = await this.#versionNow();
      if (version === this.#version) return;
      this.#version = version;
      this.#key = parsed(await readFile(this.#file, 'utf8'));
      this.#log.info({ file: this.#file }, 'key read anew');
    } catch (error) {
      this.#log.error(
        { file: this.#file, error: error instanceof Error ? error.message : String(error) },
        'key not read anew; the one before stays in use',
      );
    }
  }

  async #versionNow(): Promise<string> {
    if (this.#file === undefined) return '';
    try {
      const { mtimeMs, size, ino } = await stat(this.#file);
      if (size > MAX_FILE) throw new Error(`larger than ${MAX_FILE} octets`);
      return `${ino} ${size} ${mtimeMs}`;
    } catch (cause) {
      throw invalid(`keyFile ${this.#file} cannot be read: ${(cause as Error).message}`, cause);
    }
  }
}

function parsed(text: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch (cause) {
    throw invalid('the key is no private key in PEM form', cause);
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType === 'ed25519' || (key.asymmetricKeyType === 'rsa' && bits >= MIN_RSA)) return key;
  throw invalid(`the key must be Ed25519, or RSA of at least ${MIN_RSA} bits (RFC 8301)`);
}

function invalid(why: string, cause?: unknown): PosthouseError {
  return new PosthouseError('config-invalid', `sign-arc: ${why}`, { cause });
}
