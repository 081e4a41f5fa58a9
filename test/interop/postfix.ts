// A real Postfix between two Posthouses: an instance of its own in a temporary folder, on a port that the system chose.

import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

export interface PostfixRelay {
  readonly port: number;
  /** Its log so far. */
  log(): string;
  stop(): void;
}

/** Takes mail for everybody from loopback, offers STARTTLS, and hands everything to the next hop. */
export async function startPostfixRelay(folder: string, nextHop: number): Promise<PostfixRelay> {
  const [configuration, queue, data] = ['config', 'queue', 'data'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const each of [configuration, queue, data]) mkdirSync(each, { recursive: true });
  // Its processes run as users of their own, and must be able to pass through.
  chmodSync(folder, 0o755);
  execFileSync('chown', ['postfix', data]);
  const certificate = join(folder, 'cert.pem');
  const key = join(folder, 'key.pem');
  const request = [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=postfix.posthouse.test',
  ];
  execFileSync('openssl', [...request, '-keyout', key, '-out', certificate], { stdio: 'pipe' });
  const port = await freePort();
  const log = join(folder, 'log');
  writeFileSync(
    join(configuration, 'main.cf'),
    `compatibility_level = 3.6
queue_directory = ${queue}
data_directory = ${data}
mail_owner = postfix
setgid_group = postdrop
myhostname = postfix.posthouse.test
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_tls_security_level = may
smtpd_tls_cert_file = ${certificate}
smtpd_tls_key_file = ${key}
smtpd_tls_received_header = yes
smtp_dns_support_level = disabled
smtp_host_lookup = native
local_header_rewrite_clients =
smtp_line_length_limit = 0
line_length_limit = 4096
maillog_file = ${log}
maillog_file_prefixes = ${folder}
relayhost = [127.0.0.1]:${nextHop}
`,
  );
  const service = (name: string, type: string, rest: string): string => `${name} ${type} ${rest}\n`;
  writeFileSync(
    join(configuration, 'master.cf'),
    [
      service(`127.0.0.1:${port}`, 'inet', 'n - n - - smtpd'),
      service('pickup', 'unix', 'n - n 60 1 pickup'),
      service('cleanup', 'unix', 'n - n - 0 cleanup'),
      service('qmgr', 'unix', 'n - n 300 1 qmgr'),
      service('tlsmgr', 'unix', '- - n 1000? 1 tlsmgr'),
      service('rewrite', 'unix', '- - n - - trivial-rewrite'),
      ...['bounce', 'defer', 'trace'].map((name) => service(name, 'unix', '- - n - 0 bounce')),
      service('proxymap', 'unix', '- - n - - proxymap'),
      ...['smtp', 'relay'].map((name) => service(name, 'unix', '- - n - - smtp')),
      ...['error', 'retry'].map((name) => service(name, 'unix', '- - n - - error')),
      service('discard', 'unix', '- - n - - discard'),
      service('anvil', 'unix', '- - n - 1 anvil'),
      service('scache', 'unix', '- - n - 1 scache'),
      service('postlog', 'unix-dgram', 'n - n - 1 postlogd'),
    ].join(''),
  );
  execFileSync('postfix', ['-c', configuration, 'start'], { stdio: 'pipe' });
  const pidFile = join(queue, 'pid', 'master.pid');
  for (let tries = 0; tries < 100 && !existsSync(pidFile); tries++) await wait(50);
  return {
    port,
    log: () => readFileSync(log, 'utf8'),
    stop: () => {
      execFileSync('postfix', ['-c', configuration, 'stop'], { stdio: 'pipe' });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
