// What a listener's sessions are made of: its settings and limits, in the words of the ground floor. Pure.

import type { AuthOptions, SessionOptions } from '../smtp/index.ts';
import type { ConnectionContext } from './connection-context.ts';

/** A line end that is none could end the message for a lenient next hop (RFC 5321 §2.3.8). */
const REFUSE_BARE_LINE_ENDS = { bareLf: 'refuse', bareCr: 'refuse', nul: 'refuse' } as const;

/** @param remoteAddress of whoever has connected */
export function sessionOptions(
  { hostname, tls, tlsRequired, xclients, limits }: ConnectionContext,
  remoteAddress: string,
  auth: AuthOptions | undefined,
): SessionOptions {
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
    body: REFUSE_BARE_LINE_ENDS,
    tls: tls === 'starttls' ? 'offered' : tls === 'implicit' ? 'active' : 'none',
    tlsRequired,
    auth,
    xclient: xclients === undefined ? 'none' : xclients.has(remoteAddress) ? 'offered' : 'refused',
  };
}
