// A real OpenSMTPD, which hands whatever it gets to the next hop. Debian's package conflicts with Postfix, so .ci/run
// unpacks it into a folder; its programs, spool and users have fixed names, so it runs in a mount namespace where the
// folders of the test stand in their place. Nothing outside the namespace changes.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { answers } from './answers.ts';
import { freePort } from './free-port.ts';
import { missingRoot } from './requirements.ts';

/** Where its package is unpacked. */
const ROOT = process.env.POSTHOUSE_OPENSMTPD ?? '/tmp/posthouse-opensmtpd';

export interface OpensmtpdOptions {
  /** Takes mail and delivers none. */
  readonly paused?: boolean;
}

export function opensmtpdVersion(): string | undefined {
  const asked = spawnSync(join(ROOT, 'usr/sbin/smtpd'), ['-h'], { encoding: 'utf8' });
  return /version: OpenSMTPD (\S+)/.exec(`${asked.stdout}${asked.stderr}`)?.[1];
}

export function missingOpensmtpd(): string | undefined {
  if (!existsSync(join(ROOT, 'usr/sbin/smtpd'))) return `OpenSMTPD is not unpacked in ${ROOT}`;
  const root = missingRoot();
  if (root !== undefined) return root;
  const { status } = spawnSync('unshare', ['--mount', '--pid', '--fork', 'true']);
  return status === 0 ? undefined : 'mount namespaces are not allowed here';
}

export class OpensmtpdInstance {
  readonly port: number;
  readonly #log: string;
  readonly #child: ChildProcess;

  private constructor(port: number, log: string, child: ChildProcess) {
    this.port = port;
    this.#log = log;
    this.#child = child;
  }

  static async start(
    folder: string,
    nextHop: number,
    options: OpensmtpdOptions = {},
  ): Promise<OpensmtpdInstance> {
    const port = await freePort();
    for (const name of ['spool', 'lib/opensmtpd/empty'])
      mkdirSync(join(folder, name), { recursive: true, mode: 0o711 });
    writeFileSync(join(folder, 'smtpd.conf'), configuration(port, nextHop));
    writeFileSync(join(folder, 'passwd'), `${readFileSync('/etc/passwd', 'utf8')}${USERS}`);
    writeFileSync(join(folder, 'group'), `${readFileSync('/etc/group', 'utf8')}${GROUPS}`);
    const log = join(folder, 'log');
    const namespace = ['--mount', '--pid', '--fork', '--kill-child'];
    const child = spawn('unshare', [...namespace, 'sh', '-c', script(folder, log, options)], {
      stdio: 'ignore',
    });
    const instance = new OpensmtpdInstance(port, log, child);
    for (let tries = 0; tries < 200; tries++) {
      if (await answers(port)) return instance;
      if (child.exitCode !== null) break;
      await wait(50);
    }
    await instance.stop();
    throw new Error(`OpenSMTPD does not answer: ${instance.log()}`);
  }

  /** Of the process whose descendants all others are. */
  get pid(): number {
    return this.#child.pid as number;
  }

  /** Its log so far. */
  log(): string {
    return existsSync(this.#log) ? readFileSync(this.#log, 'latin1') : '';
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    // With the first process of its namespace all others go.
    this.#child.kill('SIGKILL');
    await exited;
  }
}

/** The users as which its processes run; free numbers, known in the namespace alone. */
const USERS = ['opensmtpd:x:64711', 'opensmtpq:x:64712']
  .map((start, index) => `${start}:6471${index + 1}::/var/lib/opensmtpd/empty:/usr/sbin/nologin\n`)
  .join('');
const GROUPS = 'opensmtpd:x:64711:\nopensmtpq:x:64712:\n';

function configuration(port: number, nextHop: number): string {
  return `smtp max-message-size "50M"
smtp limit max-mails 1000000
listen on 127.0.0.1 port ${port} hostname opensmtpd.posthouse.test
action "onward" relay host smtp+notls://127.0.0.1:${nextHop}
match from any for any action "onward"
`;
}

function script(folder: string, log: string, { paused = false }: OpensmtpdOptions): string {
  const inPlace = [
    [join(ROOT, 'usr/libexec'), '/usr/libexec'],
    [join(folder, 'spool'), '/var/spool'],
    [join(folder, 'lib'), '/var/lib'],
    [join(folder, 'passwd'), '/etc/passwd'],
    [join(folder, 'group'), '/etc/group'],
  ].map(([from, to]) => `mount --bind '${from}' ${to}`);
  const start = `exec '${join(ROOT, 'usr/sbin/smtpd')}' -d${paused ? ' -P mta' : ' -v'} -f '${join(folder, 'smtpd.conf')}' >'${log}' 2>&1`;
  return ['set -e', 'mount --make-rprivate /', ...inPlace, 'mount -t tmpfs none /run', start].join('\n');
}
