// The configuration of a submission server for tests with real programs: every TLS mode, every mechanism, mail to our own
// domain into Maildirs.

import { join } from 'node:path';
import { acceptDomain, DOMAIN, deliverMaildir, durableStore } from './durable-house.ts';
import type { CertificateFiles } from './loopback-certificate.ts';
import { type Configuration, ROOT } from './server-process.ts';

export const USER = 'ann';
export const PASSWORD = 'correct horse "battery" staple';
export const UNICODE_USER = 'jürgen';
export const UNICODE_PASSWORD = 'Grüße, 挨拶';
export const TOKEN = 'ya29.a-bearer-token-of-ann';
/** May send as everybody: another mail server. */
export const RELAY_USER = 'relay';
export const RELAY_PASSWORD = 'relay-secret';
export const SENDER = `${USER}@${DOMAIN}`;

/** Listeners: `starttls`, `implicit`, and `clear`, where people authenticate without TLS. */
export function submissionHouse(tls: CertificateFiles): Configuration {
  const listener = (name: string, more: object): object => ({
    ...{ name, host: '127.0.0.1', port: 0, auth: 'required' },
    ...more,
  });
  return {
    control: false,
    tls,
    // A test in which one program fails on purpose must not slow down the others.
    deadlines: { authDelay: 0 },
    listeners: [
      listener('starttls', { tls: 'starttls', futureRelease: '1h' }),
      listener('implicit', { tls: 'implicit' }),
      listener('clear', { tls: 'none', authWithoutTls: true }),
    ],
    plugins: [
      durableStore(),
      {
        use: join(ROOT, 'test/dist/support/auth-table.js'),
        config: {
          users: { [USER]: PASSWORD, [UNICODE_USER]: UNICODE_PASSWORD, [RELAY_USER]: RELAY_PASSWORD },
          tokens: { [TOKEN]: USER },
        },
      },
      acceptDomain(),
      {
        use: '@posthouse/accept-submission',
        config: { senders: [`{user}@${DOMAIN}`], users: { [RELAY_USER]: ['*'], [UNICODE_USER]: [SENDER] } },
      },
      deliverMaildir(),
    ],
  };
}
