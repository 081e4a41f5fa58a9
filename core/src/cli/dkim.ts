// posthouse dkim: makes a key for signing with its DNS record, prints the record of a key, and looks whether it is published.

import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { PosthouseError } from '../contract/index.ts';
import { didYouMean, loadConfiguration } from '../server/configuration/index.ts';
import { systemClock } from '../server/system/clock.ts';
import { SystemResolver } from '../server/system/resolver.ts';
import { visible } from './columns.ts';
import { type Command, FAILED, type Given, OK, type Shell, UsageError } from './command.ts';
import { faultOfPublished, isTesting, recordName, recordOf, zoneLine } from './dkim-record.ts';

const ACTIONS = ['keygen', 'record', 'check'] as const;
const ALGORITHMS = ['rsa', 'ed25519'] as const;
/** RFC 8301 §3.2. */
const RSA_BITS = 2048;
const NAME = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?)*$/i;

export const dkim: Command = {
  name: 'dkim',
  takes: 'keygen | record | check',
  summary: 'Make a DKIM key and its DNS record, or look whether the record is published',
  options: {
    domain: { type: 'string', value: 'name', help: 'The domain that signs' },
    selector: { type: 'string', value: 'name', help: 'The name of the key: <selector>._domainkey.<domain>' },
    key: {
      type: 'string',
      value: 'file',
      help: 'The private key, PEM. keygen writes it, for its owner alone, and overwrites nothing',
    },
    algorithm: {
      type: 'string',
      value: 'name',
      help: `With keygen: ${ALGORITHMS.join(' or ')}. Default: rsa, with ${RSA_BITS} bits`,
    },
    config: {
      type: 'string',
      short: 'c',
      value: 'file',
      help: 'With check: ask the DNS servers of this configuration. Default: those of the system',
    },
  },
  async run(given, shell) {
    const [action, ...more] = given.words;
    if (action === undefined || !ACTIONS.some((one) => one === action) || more.length > 0) {
      const hint = action === undefined ? '' : didYouMean(action, ACTIONS);
      throw new UsageError(`say what to do, one of ${ACTIONS.join(', ')}${hint}`);
    }
    const domain = nameOf(given, 'domain');
    const name = recordName(domain, nameOf(given, 'selector'));
    const file = required(given, 'key');
    if (action === 'check') return await check(name, recordOf(readKey(file)), given, shell);
    const key = action === 'keygen' ? makeKey(file, given) : readKey(file);
    shell.out(`${zoneLine(name, recordOf(key))}\n`);
    if (action === 'keygen')
      shell.say(`The private key is in ${file}. Publish the record before sign-dkim uses the key.\n`);
    return OK;
  },
};

function makeKey(file: string, { options }: Given): KeyObject {
  const algorithm = options.algorithm ?? 'rsa';
  const privateKey =
    algorithm === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: RSA_BITS }).privateKey
      : algorithm === 'ed25519'
        ? generateKeyPairSync('ed25519').privateKey
        : undefined;
  if (privateKey === undefined) {
    const hint = didYouMean(String(algorithm), ALGORITHMS);
    throw new UsageError(`--algorithm must be one of ${ALGORITHMS.join(', ')}${hint}`);
  }
  try {
    // wx: a key that signs today is not thrown away by a command typed twice.
    writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === 'EEXIST' ? 'there is a file already, and it is left alone' : (code ?? String(cause));
    throw new PosthouseError('config-invalid', `${file} cannot be written: ${why}`, { cause });
  }
  return privateKey;
}

function readKey(file: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(readFileSync(file));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why =
      code === 'ENOENT' || code === 'EACCES' ? `cannot be read: ${code}` : 'is no private key in PEM form';
    throw new PosthouseError('config-invalid', `${file} ${why}`, { cause });
  }
  if (!ALGORITHMS.some((algorithm) => algorithm === key.asymmetricKeyType))
    throw new PosthouseError(
      'config-invalid',
      `${file} is a key for ${key.asymmetricKeyType}; DKIM knows rsa and ed25519`,
    );
  return key;
}

async function check(name: string, wanted: string, { options }: Given, shell: Shell): Promise<number> {
  const dns =
    typeof options.config === 'string'
      ? (await loadConfiguration(options.config, shell.environment)).dns
      : { servers: undefined };
  const published = await new SystemResolver(dns, systemClock).txt(name);
  const fault = faultOfPublished(published, wanted);
  if (fault !== undefined) {
    shell.say(`${name}: ${visible(fault)}\n`);
    for (const text of published) shell.say(`  published: ${visible(text)}\n`);
    shell.say(`  wanted:    ${wanted}\n`);
    return FAILED;
  }
  shell.out(`${name} is published and fits the key\n`);
  if (isTesting(published))
    shell.say('It says t=y, testing: receivers treat the mail as if it were not signed.\n');
  return OK;
}

function nameOf(given: Given, option: string): string {
  const name = required(given, option);
  if (!NAME.test(name))
    throw new UsageError(`--${option} ${visible(name)} is not a name that DNS knows; write it in ASCII`);
  return name.toLowerCase();
}

function required({ options }: Given, option: string): string {
  const value = options[option];
  if (typeof value !== 'string' || value === '') throw new UsageError(`posthouse dkim needs --${option}`);
  return value;
}
