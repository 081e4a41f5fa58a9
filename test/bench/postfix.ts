// Postfix under test: an instance of its own in a folder of its own, tuned as its documentation advises for
// throughput on loopback: no DNS, no client limits, wide concurrency.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Arena, Contestant } from './contestant.ts';

export function postfixVersion(): string | undefined {
  const asked = spawnSync('postconf', ['-h', 'mail_version'], { encoding: 'utf8' });
  return asked.status === 0 ? asked.stdout.trim() : undefined;
}

export async function startPostfix({ folder, job, nextHop }: Arena): Promise<Contestant> {
  const port = await freePort();
  const [configuration, queue, data, mail] = ['config', 'queue', 'data', 'mail'].map((name) =>
    join(folder, name),
  ) as [string, string, string, string];
  for (const each of [configuration, queue, data, mail]) mkdirSync(each, { recursive: true });
  execFileSync('chown', ['postfix', data]);
  execFileSync('chown', ['nobody', mail]);
  execFileSync('chmod', ['-R', 'a+rx', folder]);
  const [uid, gid] = ['-u', '-g'].map((flag) =>
    execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }).trim(),
  );
  const transport = {
    accept: 'default_transport = discard',
    relay: `relayhost = [127.0.0.1]:${nextHop}`,
    maildir: `virtual_mailbox_domains = posthouse.test
virtual_mailbox_base = ${mail}
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:${uid}
virtual_gid_maps = static:${gid}
virtual_minimum_uid = 1`,
  }[job];
  writeFileSync(
    join(configuration, 'main.cf'),
    `compatibility_level = 3.6
queue_directory = ${queue}
data_directory = ${data}
mail_owner = postfix
setgid_group = postdrop
myhostname = bench.posthouse.test
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
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_peername_lookup = no
default_process_limit = 200
in_flow_delay = 0
initial_destination_concurrency = 20
default_destination_concurrency_limit = 100
smtp_connection_cache_on_demand = yes
maillog_file = ${join(folder, 'log')}
maillog_file_prefixes = ${folder}
${transport}
`,
  );
  writeFileSync(join(configuration, 'master.cf'), masterFile(port));
  execFileSync('postfix', ['-c', configuration, 'start'], { stdio: 'pipe' });
  const pidFile = join(queue, 'pid', 'master.pid');
  for (let tries = 0; tries < 100 && !existsSync(pidFile); tries++) await wait(50);
  return {
    name: 'Postfix',
    port,
    pid: Number(readFileSync(pidFile, 'utf8')),
    maildir: join(mail, 'box', 'new'),
    async stop() {
      execFileSync('postfix', ['-c', configuration, 'stop'], { stdio: 'pipe' });
    },
  };
}

function masterFile(port: number): string {
  const service = (name: string, type: string, command: string, limit = '-', wakeup = '-'): string =>
    `${name} ${type} - - n ${wakeup} ${limit} ${command}\n`;
  return [
    service(`127.0.0.1:${port}`, 'inet', 'smtpd').replace(' - - n', ' n - n'),
    service('pickup', 'unix', 'pickup', '1', '60').replace(' - - n', ' n - n'),
    service('cleanup', 'unix', 'cleanup', '0').replace(' - - n', ' n - n'),
    service('qmgr', 'unix', 'qmgr', '1', '300').replace(' - - n', ' n - n'),
    service('rewrite', 'unix', 'trivial-rewrite'),
    ...['bounce', 'defer', 'trace'].map((name) => service(name, 'unix', 'bounce', '0')),
    ...['smtp', 'relay'].map((name) => service(name, 'unix', 'smtp')),
    service('proxymap', 'unix', 'proxymap'),
    service('error', 'unix', 'error'),
    service('retry', 'unix', 'error'),
    service('discard', 'unix', 'discard'),
    service('virtual', 'unix', 'virtual').replace(' - - n', ' - n n'),
    service('anvil', 'unix', 'anvil', '1'),
    service('scache', 'unix', 'scache', '1'),
    service('postlog', 'unix-dgram', 'postlogd', '1').replace(' - - n', ' n - n'),
  ].join('');
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
