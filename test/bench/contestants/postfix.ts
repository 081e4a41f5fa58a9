// Postfix under test, tuned as its documentation advises for throughput on loopback: no DNS, no client limits, wide
// concurrency.

import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { CERTIFICATE } from '../../support/certificate.ts';
import { startPostfix } from '../../support/postfix-instance.ts';
import { type Arena, type Contestant, JOBS, type RunningServer } from '../contestant.ts';

export const postfix: Contestant = {
  name: 'Postfix',
  jobs: JOBS,
  syncs: true,
  version() {
    const asked = spawnSync('postconf', ['-h', 'mail_version'], { encoding: 'utf8' });
    return asked.status === 0 ? asked.stdout.trim() : undefined;
  },
  start,
};

async function start({ folder, job, nextHop }: Arena): Promise<RunningServer> {
  const mail = join(folder, 'mail');
  mkdirSync(mail, { recursive: true });
  execFileSync('chown', ['nobody', mail]);
  chmodSync(mail, 0o755);
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
  const { port, pid, stop } = await startPostfix(
    folder,
    `myhostname = bench.posthouse.test
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_peername_lookup = no
smtpd_tls_security_level = may
smtpd_tls_cert_file = ${CERTIFICATE.cert}
smtpd_tls_key_file = ${CERTIFICATE.key}
default_process_limit = 1100
in_flow_delay = 0
initial_destination_concurrency = 20
default_destination_concurrency_limit = 100
smtp_connection_cache_on_demand = yes
${transport}`,
  );
  return { port, pid, maildir: join(mail, 'box', 'new'), stop: async () => stop() };
}
