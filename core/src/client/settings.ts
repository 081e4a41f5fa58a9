// The settings of connections to next hops, as every transport that opens them offers them: parts for its schema,
// and the types that the connections read.

import type { SecureContext } from 'node:tls';
import { type Static, Type } from 'typebox';
import { Duration } from '../contract/index.ts';

/** How long a next hop may take for what: the time-outs of RFC 5321 §4.5.3.2. */
export const timeoutProperties = {
  connectTimeout: Duration({ default: '30s', description: 'A connection, and a TLS handshake.' }),
  greetingTimeout: Duration({
    default: '5m',
    description: 'The greeting and the replies to EHLO, STARTTLS and AUTH.',
  }),
  mailTimeout: Duration({ default: '5m', description: 'The reply to MAIL, and to RSET.' }),
  rcptTimeout: Duration({ default: '5m', description: 'The reply to RCPT.' }),
  dataTimeout: Duration({ default: '2m', description: 'The reply to DATA.' }),
  blockTimeout: Duration({ default: '3m', description: 'A block of the message to be taken.' }),
  finalTimeout: Duration({ default: '10m', description: 'The reply to the end of the message.' }),
} as const;

/** How many connections there are, and how long they are kept. */
export const poolProperties = {
  maxConnectionsPerHost: Type.Optional(
    Type.Integer({ minimum: 1, description: 'Open connections to one address, whatever the domains.' }),
  ),
  idleTimeout: Duration({
    default: '5s',
    description: 'How long a connection is kept for the next message.',
  }),
  messagesPerConnection: Type.With(Type.Integer({ minimum: 1 }), {
    default: 100,
    description: 'Then the connection is closed.',
  }),
} as const;

const properties = Type.Object({ ...timeoutProperties, ...poolProperties });

/**
 * `may`: STARTTLS where offered, in clear where not; `encrypt`: never in clear; neither verifies anything.
 * `verify`: never in clear, and only to a host whose certificate is valid and has one of the target's names.
 * `dane`: never in clear, and only to a host whose certificate the target's TLSA records vouch for.
 */
export type TlsMode = 'may' | 'none' | 'encrypt' | 'verify' | 'dane';

/** The CAs that `verify` trusts. */
export interface TlsTrust {
  readonly secureContext: SecureContext;
}

export interface ConnectionSettings extends Static<typeof properties> {
  /** Our name in EHLO or LHLO. */
  readonly helo: string;
  /** For targets that have none of their own. */
  readonly tls: TlsMode;
  /** Required where a target or the default is `verify`. */
  readonly trust?: TlsTrust;
  /** Text goes by BDAT where CHUNKING is offered (RFC 3030). Default: by DATA. */
  readonly chunking?: boolean;
  /** Default: smtp. */
  readonly protocol?: 'smtp' | 'lmtp';
}
