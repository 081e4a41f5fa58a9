// Secrets stay out of the configuration file: `${env:NAME}` and `${file:path}` in a string stand for what is there.

import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';

/** Octets. A secret is a line or a key, not a file store. */
const MAX_FILE = 65_536;

/** Where the values come from. */
export interface SecretSources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** From where relative paths of `${file:…}` are taken. */
  readonly folder: string;
}

export type Expanded =
  | { readonly ok: true; readonly text: string; readonly secret: boolean }
  | { readonly ok: false; readonly code: 'secret-missing' | 'config-invalid'; readonly text: string };

/** Puts the values in. `$${` is a literal `${`; any other `${` that is not understood is an error, not text. */
export function expandSecrets(text: string, sources: SecretSources): Expanded {
  if (!text.includes('${')) return { ok: true, text, secret: false };
  let result = '';
  let secret = false;
  let from = 0;
  for (const match of text.matchAll(/\$\$\{|\$\{([^{}]*)(\})?/g)) {
    result += text.slice(from, match.index);
    from = match.index + match[0].length;
    if (match[0] === '$${') {
      result += '${';
      continue;
    }
    const [, kind, name] = /^(env|file):(.+)$/.exec(match[1] ?? '') ?? [];
    if (match[2] === undefined || kind === undefined || name === undefined) {
      return {
        ok: false,
        code: 'config-invalid',
        text: `has ${match[0]}, which is neither \${env:NAME} nor \${file:path}; write $\${ where \${ itself is meant`,
      };
    }
    const found = kind === 'env' ? fromEnvironment(name, sources) : fromFile(name, sources);
    if (!found.ok) return found;
    result += found.text;
    secret = true;
  }
  return { ok: true, text: result + text.slice(from), secret };
}

function fromEnvironment(name: string, { environment }: SecretSources): Expanded {
  const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
  if (value !== undefined && value !== '') return { ok: true, text: value, secret: true };
  const state = value === undefined ? 'not set' : 'empty';
  return {
    ok: false,
    code: 'secret-missing',
    text: `needs the environment variable ${name}, which is ${state}`,
  };
}

function fromFile(name: string, { folder }: SecretSources): Expanded {
  const path = resolve(folder, name);
  const missing = (why: string): Expanded => ({
    ok: false,
    code: 'secret-missing',
    text: `needs the file ${path}, which ${why}`,
  });
  try {
    if (statSync(path).size > MAX_FILE) return missing(`is larger than ${MAX_FILE} octets`);
    // Editors end a file with a line end that is no part of the secret.
    const text = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    return text === '' ? missing('is empty') : { ok: true, text, secret: true };
  } catch (error) {
    return missing(`cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
  }
}
