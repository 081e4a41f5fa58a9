// Exim under test, with the settings that its specification advises for many messages: a split spool, no limit on
// connections, deliveries at once. For the job `accept` its messages stay in the queue, which is less work than the others
// have.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { CERTIFICATE } from '../../support/certificate.ts';
import { EximInstance, eximVersion, missingExim } from '../../support/exim-instance.ts';
import { type Arena, type Contestant, JOBS, type RunningServer } from '../contestant.ts';

export const exim: Contestant = {
  name: 'Exim',
  jobs: JOBS,
  syncs: true,
  version: () => (missingExim() === undefined ? eximVersion() : undefined),
  start,
};

const MAIN = `split_spool_directory = true
smtp_accept_max = 0
smtp_accept_max_per_connection = 0
smtp_accept_queue_per_connection = 0
smtp_connect_backlog = 1000
smtp_enforce_sync = false
remote_max_parallel = 10
log_selector = -all
tls_advertise_hosts = *
tls_certificate = ${CERTIFICATE.cert}
tls_privatekey = ${CERTIFICATE.key}`;

async function start({ folder, job, nextHop }: Arena): Promise<RunningServer> {
  const maildir = join(folder, 'mail', 'box');
  mkdirSync(folder, { recursive: true });
  const instance = await EximInstance.start(folder, {
    nextHop,
    main: job === 'accept' ? `${MAIN}\nqueue_only` : MAIN,
    transport: '',
    ...(job === 'maildir' && { maildir }),
  });
  return {
    port: instance.port,
    pid: instance.pid,
    maildir: join(maildir, 'new'),
    stop: () => instance.stop(),
  };
}
