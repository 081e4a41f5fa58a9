// OpenSMTPD under test. For the job `accept` its deliveries are paused, which is less work than the others have. It never
// syncs: its 250 does not say that the message is on the disk. It runs without TLS.

import { mkdirSync } from 'node:fs';
import { missingOpensmtpd, OpensmtpdInstance, opensmtpdVersion } from '../../support/opensmtpd-instance.ts';
import type { Arena, Contestant, RunningServer } from '../contestant.ts';

export const opensmtpd: Contestant = {
  name: 'OpenSMTPD',
  jobs: ['accept', 'relay'],
  syncs: false,
  // It greets no more than a handful of clients while it looks up where they come from.
  mostSessions: 10,
  tls: false,
  version: () => (missingOpensmtpd() === undefined ? opensmtpdVersion() : undefined),
  start,
};

async function start({ folder, job, nextHop }: Arena): Promise<RunningServer> {
  mkdirSync(folder, { recursive: true });
  const instance = await OpensmtpdInstance.start(folder, nextHop, {
    paused: job === 'accept',
  });
  return { port: instance.port, pid: instance.pid, maildir: folder, stop: () => instance.stop() };
}
