// A real Postfix: an instance of its own in a temporary folder, on a port that the system chose, in nobody's way.

import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from './free-port.ts';

export interface PostfixInstance {
  readonly port: number;
  /** Of the master, whose children all others are. */
  readonly pid: number;
  /** Its log so far. */
  log(): string;
  stop(): void;
}

/** @param settings lines of main.cf besides those that every instance has */
export async function startPostfix(folder: string, settings: string): Promise<PostfixInstance> {
  const [configuration, queue, data] = ['config', 'queue', 'data'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const each of [configuration, queue, data]) mkdirSync(each, { recursive: true });
  // Its processes run as users of their own, and must be able to pass through.
  chmodSync(folder, 0o755);
  execFileSync('chown', ['postfix', data]);
  const port = await freePort();
  const log = join(folder, 'log');
  writeFileSync(
    join(configuration, 'main.cf'),
    `compatibility_level = 3.6
queue_directory = ${queue}
data_directory = ${data}
mail_owner = postfix
setgid_group = postdrop
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_dns_support_level = disabled
smtp_host_lookup = native
maillog_file = ${log}
maillog_file_prefixes = ${folder}
${settings}
`,
  );
  writeFileSync(join(configuration, 'master.cf'), services(port));
  execFileSync('postfix', ['-c', configuration, 'start'], { stdio: 'pipe' });
  const pidFile = join(queue, 'pid', 'master.pid');
  for (let tries = 0; tries < 100 && !existsSync(pidFile); tries++) await wait(50);
  return {
    port,
    pid: Number(readFileSync(pidFile, 'utf8')),
    log: () => readFileSync(log, 'utf8'),
    stop: () => {
      execFileSync('postfix', ['-c', configuration, 'stop'], { stdio: 'pipe' });
    },
  };
}

/** master.cf: service, type, private, unprivileged, chroot, wake-up, process limit, command. */
function services(port: number): string {
  return `127.0.0.1:${port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`;
}
