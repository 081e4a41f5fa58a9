// A real Exim as a sending server: a daemon of its own in a temporary folder, on a port that the system chose, which hands
// whatever it gets to the next hop. Debian's package conflicts with Postfix, so that .ci/run unpacks it into a folder.

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { answers } from './answers.ts';
import { freePort } from './free-port.ts';
import { missingProgram, missingRoot } from './requirements.ts';

/** Where the program is: unpacked by .ci/run, or installed. */
const EXIM = process.env.POSTHOUSE_EXIM ?? 'exim4';
/** The user that Debian's Exim is built to run as. */
const USER = 'Debian-exim';

export function eximVersion(): string | undefined {
  const asked = spawnSync(EXIM, ['-C', '/dev/null', '-bV'], { encoding: 'utf8' });
  return /^Exim version (\S+)/m.exec(asked.stdout)?.[1];
}

export function missingExim(): string | undefined {
  if (spawnSync('id', [USER]).status !== 0) return `there is no user ${USER}, as whom Exim runs`;
  return missingRoot() ?? missingProgram(EXIM, '-C', '/dev/null', '-bV');
}

export interface EximSettings {
  readonly nextHop: number;
  /** Lines of the smtp transport besides those that every instance has. */
  readonly transport: string;
  /** Lines of the section `authenticators`. */
  readonly authenticators?: string;
  /** Lines of the main section besides those that every instance has, or instead of them. */
  readonly main?: string;
  /** A Maildir that takes all mail in place of the next hop. */
  readonly maildir?: string;
}

export class EximInstance {
  readonly port: number;
  readonly #folder: string;
  readonly #child: ChildProcess;

  private constructor(folder: string, port: number, child: ChildProcess) {
    this.#folder = folder;
    this.port = port;
    this.#child = child;
  }

  static async start(folder: string, settings: EximSettings): Promise<EximInstance> {
    mkdirSync(join(folder, 'spool'), { recursive: true });
    const file = join(folder, 'exim.conf');
    writeFileSync(file, configuration(folder, settings));
    chmodSync(folder, 0o755);
    execFileSync('chown', ['-R', `${USER}:`, join(folder, 'spool')]);
    execFileSync('chown', [`${USER}:`, folder]);
    if (settings.maildir !== undefined) {
      mkdirSync(settings.maildir, { recursive: true });
      execFileSync('chown', ['-R', `${USER}:`, settings.maildir]);
    }
    const port = await freePort();
    const child = spawn(EXIM, ['-C', file, '-bdf', '-oX', `127.0.0.1.${port}`], { stdio: 'ignore' });
    const instance = new EximInstance(folder, port, child);
    for (let tries = 0; tries < 200; tries++) {
      if (await answers(port)) return instance;
      if (child.exitCode !== null) break;
      await wait(50);
    }
    await instance.stop();
    throw new Error(`Exim does not answer: ${instance.log()}`);
  }

  /** Of the daemon, whose children all others are. */
  get pid(): number {
    return this.#child.pid as number;
  }

  /** Its log so far. */
  log(): string {
    return ['log-main', 'log-panic', 'log-reject'].map((name) => textOf(join(this.#folder, name))).join('');
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exited;
  }
}

function configuration(folder: string, settings: EximSettings): string {
  const { nextHop, transport, authenticators = '', main = 'tls_advertise_hosts =', maildir } = settings;
  const local = maildir === undefined ? '' : LOCAL_ROUTER;
  const box = maildir === undefined ? '' : boxTransport(maildir);
  return `primary_hostname = exim.posthouse.test
spool_directory = ${folder}/spool
log_file_path = ${folder}/log-%s
keep_environment =
local_interfaces = 127.0.0.1
disable_ipv6 = true
rfc1413_hosts =
acl_smtp_rcpt = accept
acl_smtp_data = accept
message_size_limit = 50M
deliver_drop_privilege = true
${main}
begin routers
${local}smarthost:
  driver = manualroute
  route_list = * 127.0.0.1::${nextHop} byname
  self = send
  transport = out
begin transports
${box}out:
  driver = smtp
  message_linelength_limit = 1G
${indented(transport)}
begin retry
* * F,1h,1s
begin authenticators
${authenticators}
`;
}

const LOCAL_ROUTER = `local:
  driver = accept
  transport = box
`;

function boxTransport(maildir: string): string {
  return `box:
  driver = appendfile
  directory = ${maildir}
  maildir_format
  user = ${USER}
`;
}

function indented(lines: string): string {
  return lines.replace(/^/gm, '  ');
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
