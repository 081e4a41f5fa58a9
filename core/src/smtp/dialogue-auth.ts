// AUTH (RFC 4954) on the client's side of a dialogue: the command, and what a reply to it means.

import { decodeBase64, encodeBase64 } from './base64.ts';
import type { Reply } from './reply.ts';
import type { SaslClient } from './sasl-client.ts';

// RFC 4954 §4: an initial response that makes the command longer than RFC 5321 §4.5.3.1.4 allows waits for a 334.
const MAX_COMMAND = 512;

type AuthStep = { readonly do: 'authenticated' } | { readonly do: 'auth-refused'; readonly reply: Reply };

/** What comes next. */
export type AuthProgress =
  | { readonly text: string }
  | { readonly fault: string }
  | { readonly step: AuthStep };

export function authCommand(client: SaslClient): string {
  return sendsInitial(client) ? withInitial(client) : `AUTH ${client.mechanism}\r\n`;
}

/** The initial response goes with the command. */
export function sendsInitial(client: SaslClient): boolean {
  return client.initial !== undefined && withInitial(client).length <= MAX_COMMAND;
}

/** @param begun the client's first words are out, if it speaks first at all */
export function takeAuthReply(said: Reply, client: SaslClient, begun: boolean): AuthProgress {
  if (said.code === 235) {
    if (client.isDone) return { step: { do: 'authenticated' } };
    return { fault: `235 to ${client.mechanism} before the exchange was over` };
  }
  if (said.code >= 400) return { step: { do: 'auth-refused', reply: said } };
  const challenge = said.code === 334 ? decodeBase64((said.lines[0] ?? '').trim()) : undefined;
  const answer =
    !begun && client.initial !== undefined
      ? client.initial
      : challenge === undefined
        ? undefined
        : client.respond(challenge);
  if (said.code !== 334 || answer === undefined)
    return { fault: `${said.code} to ${client.mechanism} that is not to be believed` };
  return { text: `${encodeBase64(answer)}\r\n` };
}

function withInitial({ mechanism, initial }: SaslClient): string {
  // RFC 4954 §4: `=` is a response of no octets.
  return `AUTH ${mechanism} ${encodeBase64(initial ?? new Uint8Array(0)) || '='}\r\n`;
}
