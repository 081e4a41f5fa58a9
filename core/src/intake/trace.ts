// The trace fields of a message (RFC 5321 §4.4): the Received field that the commit puts on top. Pure.

import type { MessageOrigin, TlsFacts } from '../contract/index.ts';

export interface ReceivedFacts {
  readonly origin: MessageOrigin;
  readonly tls: TlsFacts | undefined;
  readonly smtputf8: boolean;
  /** Our own name. */
  readonly hostname: string;
  readonly id: string;
  /** The recipient, where there is only one: RFC 5321 §7.2 forbids to show the recipients to each other. */
  readonly recipient: string | undefined;
  /** RFC 5322 §3.3 form. */
  readonly date: string;
}

/** The field with its CRLF. Every part that comes from outside is reduced to harmless characters. */
export function receivedField(facts: ReceivedFacts): string {
  const { origin, tls, hostname, id, recipient, date } = facts;
  const tail = recipient === undefined ? `; ${date}` : `\r\n\tfor <${recipient}>; ${date}`;
  // Nobody has sent what is our own.
  if (origin.plugin !== undefined) return `Received: by ${hostname} id ${id}${tail}\r\n`;
  const from = `from ${harmless(origin.helo ?? 'unknown')} (${addressLiteral(harmless(origin.remoteAddress ?? ''))})`;
  const by = `by ${hostname} with ${withClause(origin.protocol ?? 'SMTP', facts.smtputf8)}${securedBy(tls)} id ${id}`;
  return `Received: ${from}\r\n\t${by}${tail}\r\n`;
}

/** RFC 5321 §4.1.3. */
export function addressLiteral(address: string): string {
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address;
  return plain.includes(':') ? `[IPv6:${plain}]` : `[${plain}]`;
}

/** RFC 6531 §4.3: a message sent with SMTPUTF8 is marked by a protocol name of its own. */
function withClause(protocol: string, smtputf8: boolean): string {
  if (!smtputf8) return protocol;
  return protocol.replace(/^E?([SL]MTP)/, 'UTF8$1');
}

/** Version and cipher, and who the client has shown to be, as a comment. */
function securedBy(tls: TlsFacts | undefined): string {
  if (tls === undefined) return '';
  const { version, cipher, client } = tls;
  const name = client && /(?:^|, )CN=([^,]*)/.exec(client.subject)?.[1];
  const peer =
    client === undefined
      ? ''
      : `\r\n\t client ${harmless(name ?? client.fingerprint)} ${client.verified ? 'verified' : 'not verified'}`;
  return ` (${harmless(version)} cipher ${harmless(cipher)}${peer})`;
}

function harmless(text: string): string {
  return text.replace(/[^A-Za-z0-9._:[\]-]/g, '?').slice(0, 255);
}
