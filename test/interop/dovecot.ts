// A Dovecot of the test's own, in a folder of its own: LMTP on a Unix socket and on TCP, IMAP on TCP to read back what
// arrived. The users are ann, bob and box0 to box19; the mailbox of ann takes QUOTA kibioctets.

import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { missingProgram } from '../support/requirements.ts';
import { run } from './programs.ts';

export const PASSWORD = 'sesame';
/** Kibioctets. */
export const QUOTA = 64;

export interface Dovecot {
  /** The Unix socket of its LMTP server. */
  readonly socket: string;
  /** The Unix socket on which it tells who is who. */
  readonly authSocket: string;
  readonly lmtpPort: number;
  /** The message with that number in the user's inbox, as IMAP gives it. Empty where there is none. */
  fetch(user: string, number: number): Promise<Buffer>;
  stop(): Promise<void>;
}

export function missingDovecot(): string | undefined {
  return missingProgram('dovecot', '--version') ?? missingProgram('python3', '--version');
}

/** @param folder its own; as root. */
export async function startDovecot(folder: string): Promise<Dovecot> {
  const [lmtpPort, imapPort] = [await freePort(), await freePort()];
  const socket = join(folder, 'run', 'lmtp');
  for (const name of ['run', 'mail', 'state']) mkdirSync(join(folder, name));
  // The mail processes run as another user.
  chmodSync(folder, 0o755);
  chmodSync(join(folder, 'mail'), 0o777);
  const config = join(folder, 'dovecot.conf');
  writeFileSync(config, configuration(folder, lmtpPort, imapPort));
  const child = spawn('dovecot', ['-F', '-c', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr?.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  await untilListening(lmtpPort, child, () => said);
  await untilListening(imapPort, child, () => said);
  return {
    socket,
    authSocket: join(folder, 'run', 'login-of-posthouse'),
    lmtpPort,
    async fetch(user, number) {
      const { output } = await run('python3', [
        '-c',
        FETCH,
        String(imapPort),
        user,
        PASSWORD,
        String(number),
      ]);
      return Buffer.from(output.trim(), 'base64');
    },
    stop: () => stopped(child),
  };
}

function configuration(folder: string, lmtpPort: number, imapPort: number): string {
  return `
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = ${folder}/log
protocols = lmtp imap
ssl = no
disable_plaintext_auth = no
mail_location = maildir:${folder}/mail/%u
first_valid_uid = 1
auth_username_format = %Ln
recipient_delimiter = +
mail_plugins = quota
passdb {
  driver = static
  args = password=${PASSWORD}
}
userdb {
  driver = passwd-file
  args = ${users(folder)}
}
plugin {
  quota = maildir:User quota
  quota_grace = 0
}
lmtp_save_to_detail_mailbox = no
quota_full_tempfail = no
service lmtp {
  unix_listener lmtp {
    mode = 0666
  }
  inet_listener lmtp {
    address = 127.0.0.1
    port = ${lmtpPort}
  }
}
service auth {
  unix_listener login-of-posthouse {
    mode = 0666
  }
}
service imap-login {
  inet_listener imap {
    address = 127.0.0.1
    port = ${imapPort}
  }
  inet_listener imaps {
    port = 0
  }
}
`;
}

function users(folder: string): string {
  const file = join(folder, 'users');
  const names = ['ann', 'bob', ...Array.from({ length: 20 }, (_, index) => `box${index}`)];
  writeFileSync(
    file,
    names
      .map((name) => `${name}::8:8::${folder}/mail/${name}::${name === 'ann' ? ANNS_QUOTA : ''}\n`)
      .join(''),
  );
  return file;
}

const ANNS_QUOTA = `userdb_quota_rule=*:storage=${QUOTA}K`;

const FETCH = `
import base64, imaplib, sys
port, user, password, number = sys.argv[1:]
box = imaplib.IMAP4('127.0.0.1', int(port))
box.login(user, password)
box.select('INBOX', readonly=True)
kind, found = box.fetch(number, '(BODY.PEEK[])')
if found and found[0]:
    print(base64.b64encode(found[0][1]).decode())
box.logout()
`;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function untilListening(port: number, child: ChildProcess, said: () => string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) break;
    if (await answers(port)) return;
    await wait(50);
  }
  child.kill();
  throw new Error(`dovecot does not answer on port ${port}: ${said()}`);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('data', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGTERM');
  await gone;
}
