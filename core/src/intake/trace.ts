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
  const from = `from ${harmless(origin.helo ?? 'unknown')} (${addressLiteral(origin.remoteAddress ?? '')})`;
  const secured = tls === undefined ? '' : ` (${harmless(tls.version)} ${harmless(tls.cipher)})`;
  const by = `by ${hostname} with ${withClause(origin.protocol ?? 'SMTP', facts.smtputf8)}${secured} id ${id}`;
  const tail = recipient === undefined ? `; ${date}` : `\r\n\tfor <${recipient}>; ${date}`;
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
  return protocol.replace(/^E?SMTP/, 'UTF8SMTP');
}

function harmless(text: string): string {
  return text.replace(/[^A-Za-z0-9._:[\]-]/g, '?').slice(0, 255);
}
