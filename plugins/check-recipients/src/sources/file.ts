// Mailboxes in a file, which may change while the server runs. What a faulty change said before still holds.

import { readFile, stat } from 'node:fs/promises';
import { type Clock, type Logger, PosthouseError, type Timer } from '@posthouse/core';
import { asciiDomain } from '@posthouse/core/client';
import type { FileConfig } from '../config.ts';
import type { Source } from '../source.ts';

const LOOK_EVERY = 5_000;

export interface Mailboxes {
  readonly addresses: ReadonlySet<string>;
  /** Local parts that are known in every domain. */
  readonly users: ReadonlySet<string>;
  /** Domains in which every local part is known. */
  readonly domains: ReadonlySet<string>;
}

export function fileSource(config: FileConfig, clock: Clock, log: Logger): Source {
  const { path } = config;
  let mailboxes: Mailboxes = { addresses: new Set(), users: new Set(), domains: new Set() };
  let seen = '';
  let timer: Timer | undefined;
  let looking: Promise<void> | undefined;

  const look = async (): Promise<void> => {
    const stamp = await stampOf(path);
    if (stamp === seen) return;
    // A bad file is complained of once, not every five seconds.
    seen = stamp;
    try {
      mailboxes = parseMailboxes(await read(path), config);
      log.info({ file: path, mailboxes: sizeOf(mailboxes) }, 'read again');
    } catch (error) {
      log.error(
        { file: path, error: (error as Error).message },
        'the file is not used, what it said before still holds',
      );
    }
  };

  return {
    name: `file ${path}`,
    local: true,
    knows: ({ address, local, domain }) =>
      mailboxes.addresses.has(address) || mailboxes.users.has(local) || mailboxes.domains.has(domain),
    async start() {
      seen = await stampOf(path);
      mailboxes = parseMailboxes(await read(path), config);
      if (sizeOf(mailboxes) === 0) log.warn({ file: path }, 'the file has no mailbox');
      timer = clock.every(LOOK_EVERY, () => {
        looking ??= look().finally(() => {
          looking = undefined;
        });
      });
    },
    async stop() {
      timer?.stop();
      await looking;
    },
  };
}

/** Throws `config-invalid` that names each faulty line. */
export function parseMailboxes(text: string, { path, format, minimumUid }: FileConfig): Mailboxes {
  const addresses = new Set<string>();
  const users = new Set<string>();
  const domains = new Set<string>();
  const problems: string[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    // A line that begins with white space goes on with the value of the one above (Postfix), which says nothing here.
    if (/^\s*(?:#|$)/.test(line) || (format === 'map' && /^\s/.test(line))) continue;
    if (format === 'passwd') {
      const [name = '', , uid = ''] = line.split(':');
      if (name === '' || !/^\d+$/.test(uid)) problems.push(`${path}:${index + 1}: no line of passwd(5)`);
      else if (Number(uid) >= minimumUid) users.add(name.toLowerCase());
      continue;
    }
    const key = format === 'map' ? (line.split(/\s/)[0] as string) : line.trim();
    const at = key.lastIndexOf('@');
    const domain = asciiDomain(key.slice(at + 1)).toLowerCase();
    if (/\s/.test(key) || domain === '')
      problems.push(`${path}:${index + 1}: "${key.slice(0, 80)}" is no address`);
    else if (at === -1) users.add(key.toLowerCase());
    else if (at === 0) domains.add(domain);
    else addresses.add(`${key.slice(0, at).toLowerCase()}@${domain}`);
  }
  if (problems.length > 0)
    throw new PosthouseError('config-invalid', `check-recipients: ${problems.slice(0, 10).join('\n')}`);
  return { addresses, users, domains };
}

function sizeOf({ addresses, users, domains }: Mailboxes): number {
  return addresses.size + users.size + domains.size;
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new PosthouseError('config-invalid', `check-recipients: file ${path} cannot be read`, { cause });
  }
}

/** Changes when the file does, also when another one takes its place, or none. */
async function stampOf(path: string): Promise<string> {
  try {
    const { mtimeNs, size, ino } = await stat(path, { bigint: true });
    return `${mtimeNs} ${size} ${ino}`;
  } catch {
    return 'missing';
  }
}
