// The server that the mail goes to: MAIL and RCPT are said to it as for a message, and then nothing is sent (Postfix calls
// it address verification, Exim a callout).

import { connect, isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { Mailbox, PosthouseError, type Resolver, type ServerIdentity } from '@posthouse/core';
import type { NextHopConfig } from '../config.ts';
import type { Source } from '../source.ts';
import { trustOf } from '../trust.ts';
import { Hop } from './hop.ts';

/** Throws `config-invalid`. */
export function nextHopSource(
  { protocol, host, port, socket, sender, tls, caFile }: NextHopConfig,
  resolver: Resolver,
  identity: ServerIdentity,
): Source {
  if ((host === undefined) === (socket === undefined))
    throw new PosthouseError(
      'config-invalid',
      'check-recipients: either nextHop.host or nextHop.socket, and not both',
    );
  if (caFile !== undefined && tls !== 'verify')
    throw new PosthouseError('config-invalid', 'check-recipients: nextHop.caFile is for tls: verify');
  const place = socket ?? `${host}:${port}`;
  const hello = `${protocol === 'lmtp' ? 'LHLO' : 'EHLO'} ${identity.hostname}`;
  const handshake: ConnectionOptions = {
    // Without `verify` there is nobody to be sure of (RFC 7435).
    rejectUnauthorized: tls === 'verify',
    ...(tls === 'verify' && trustOf(caFile, 'nextHop')),
    ...(host !== undefined && { host, ...(isIP(host) === 0 && { servername: host }) }),
  };
  return {
    name: `${protocol} ${place}`,
    async knows({ local, domain }, signal) {
      // Quoted where its grammar wants it, so that no local part ends the command.
      const address = new Mailbox(local, domain).toString();
      const utf8 = /[^ -~]/.test(address) ? ' SMTPUTF8' : '';
      const target =
        socket !== undefined ? { path: socket } : { host: await addressOf(host as string, signal), port };
      if ('host' in target && identity.isSelf('', target.host, port))
        throw new Error(`${place} is a listener of this server`);
      const hop = new Hop(connect(target), signal);
      try {
        await hop.heard('greeting');
        const { lines } = await hop.said(hello);
        const startTls = lines.slice(1).some((line) => /^STARTTLS\s*$/i.test(line));
        if (socket === undefined && tls !== 'none' && (startTls || tls !== 'may')) {
          if (!startTls) throw new Error(`${place} does not offer STARTTLS`);
          await hop.said('STARTTLS');
          await hop.secure(handshake);
          // RFC 3207 §4.2: whatever was said in clear is forgotten.
          await hop.said(hello);
        }
        await hop.said(`MAIL FROM:<${sender}>${utf8}`);
        return meaning(await hop.asked(`RCPT TO:<${address}>`));
      } finally {
        hop.end();
      }
    },
  };

  async function addressOf(name: string, signal: AbortSignal): Promise<string> {
    if (isIP(name) !== 0) return name;
    const { v4, v6 } = await resolver.addresses(name, signal);
    const first = v4[0] ?? v6[0];
    if (first === undefined) throw new Error(`${name} has no address`);
    return first;
  }
}

/**
 * What its answer to RCPT means. Only a refusal of the address is "unknown" (RFC 3463 §3.2): a full mailbox is there, and
 * a policy is for the one who has sent the message to hear.
 */
export function meaning({
  code,
  status,
}: {
  readonly code: number;
  readonly status?: string | undefined;
}): boolean {
  if (code >= 200 && code < 300) return true;
  if (status === undefined ? [550, 551, 553].includes(code) : /^5\.1\.\d+$/.test(status)) return false;
  // RFC 5321 §4.2.2: 552, RFC 3463 §3.3: it is there, and cannot take mail now.
  if (code === 552 || /^5\.2\.[23]$/.test(status ?? '')) return true;
  throw new Error(`the next hop answered ${code}${status === undefined ? '' : ` ${status}`} to RCPT`);
}
