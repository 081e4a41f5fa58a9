// What a listener's sessions are made of: its settings and limits, in the words of the ground floor. Pure.

import type { AuthOptions, SessionOptions } from '../smtp/index.ts';
import type { ConnectionContext } from './connection-context.ts';

/** @param remoteAddress of whoever has connected */
export function sessionOptions(
  context: ConnectionContext,
  remoteAddress: string,
  auth: AuthOptions | undefined,
): SessionOptions {
  const { hostname, tls, tlsRequired, body, binaryMime, protocol, vrfy, dsn, xclients, limits } = context;
  const { futureRelease: longest, clock } = context;
  return {
    hostname,
    messageSize: limits.messageSize,
    textLine: limits.textLine,
    recipients: limits.recipients,
    commandLine: limits.commandLine,
    badCommands: limits.badCommands,
    commandsWithoutMail: limits.commandsWithoutMail,
    messagesPerSession: limits.messagesPerSession,
    unauthenticatedBytes: limits.unauthenticatedBytes,
    chunks: limits.chunks,
    protocol,
    vrfy,
    dsn,
    binaryMime,
    futureRelease: longest === undefined ? undefined : { longest, now: () => clock.now() },
    body,
    tls: tls === 'starttls' ? 'offered' : tls === 'implicit' ? 'active' : 'none',
    tlsRequired,
    auth,
    xclient: xclients === undefined ? 'none' : xclients.has(remoteAddress) ? 'offered' : 'refused',
  };
}
