// Fetches the policy of a domain over HTTPS (RFC 8461 §3.3): from one host and one path, with a certificate that must be
// good, without redirections, and within bounds of size and time.

import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { LookupFunction } from 'node:net';
import { connect, type SecureContext } from 'node:tls';
import type { Clock, Resolver } from '@posthouse/core';
import { parsePolicy, type StsPolicy } from './policy.ts';

/** The names of RFC 8460 §4.3.2.2. */
export type StsProblem = 'sts-policy-fetch-error' | 'sts-policy-invalid' | 'sts-webpki-invalid';

export class FetchError extends Error {
  readonly problem: StsProblem;
  constructor(problem: StsProblem, text: string) {
    super(text);
    this.problem = problem;
  }
}

export interface FetchServices {
  readonly resolver: Pick<Resolver, 'addresses'>;
  readonly clock: Clock;
  /** The CAs that are trusted. */
  readonly secureContext: SecureContext;
  /** Milliseconds for all of it. */
  readonly timeout: number;
  /** 443, but for tests. */
  readonly port: number;
}

export interface FetchedPolicy {
  readonly policy: StsPolicy;
  /** As it came. */
  readonly text: string;
}

/** §3.3: as much as is read. */
const MAX_OCTETS = 65_536;
const BAD_CERTIFICATE =
  /^(?:CERT_|ERR_TLS_CERT|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE)/;

/** Rejects with a FetchError. */
export function fetchPolicy(domain: string, services: FetchServices): Promise<FetchedPolicy> {
  const { clock, timeout, secureContext, port } = services;
  const host = `mta-sts.${domain}`;
  return new Promise((resolve, reject) => {
    const asked = request({
      host,
      port,
      path: '/.well-known/mta-sts.txt',
      headers: { accept: 'text/plain', 'user-agent': 'posthouse' },
      createConnection: () =>
        connect({
          host,
          port,
          servername: host,
          secureContext,
          rejectUnauthorized: true,
          lookup: lookupBy(services.resolver),
        }),
    });
    const end = (then: () => void): void => {
      timer.stop();
      asked.destroy();
      then();
    };
    const fail = (problem: StsProblem, text: string): void =>
      end(() => reject(new FetchError(problem, text)));
    const timer = clock.after(timeout, () => fail('sts-policy-fetch-error', 'no policy came in time'));
    asked.on('error', (error: NodeJS.ErrnoException) => {
      const { code = '', message } = error;
      if (BAD_CERTIFICATE.test(code)) fail('sts-webpki-invalid', `the certificate is not good: ${code}`);
      else fail('sts-policy-fetch-error', code === '' ? message : code);
    });
    asked.on('response', (response) => {
      const fault = faultOf(response);
      if (fault !== undefined) {
        fail('sts-policy-fetch-error', fault);
        return;
      }
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
        if (text.length > MAX_OCTETS) fail('sts-policy-invalid', 'it is too long');
      });
      response.on('aborted', () => fail('sts-policy-fetch-error', 'the connection was lost'));
      response.on('end', () => {
        try {
          const policy = parsePolicy(text);
          end(() => resolve({ policy, text }));
        } catch (error) {
          fail('sts-policy-invalid', (error as Error).message);
        }
      });
    });
    asked.end();
  });
}

/** §3.3: no redirection is followed, and nothing but 200 is a policy; §3.2: it is plain text. */
function faultOf({ statusCode, headers }: IncomingMessage): string | undefined {
  if (statusCode !== 200) return `HTTP ${statusCode}`;
  const type = headers['content-type'] ?? '';
  if (!/^text\/plain[ \t]*(?:;|$)/i.test(type)) return 'it is not text/plain';
  return headers['content-encoding'] === undefined ? undefined : 'it is encoded';
}

function lookupBy(resolver: Pick<Resolver, 'addresses'>): LookupFunction {
  return (hostname, options, callback) => {
    resolver.addresses(hostname).then(
      ({ v4, v6 }) => {
        const all = [
          ...v4.map((address) => ({ address, family: 4 })),
          ...v6.map((address) => ({ address, family: 6 })),
        ];
        const [first] = all;
        if (first === undefined) callback(noAddress(hostname), '', 0);
        else if (options.all) callback(null, all);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, '', 0),
    );
  };
}

function noAddress(host: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${host} has no address`), { code: '' });
}
