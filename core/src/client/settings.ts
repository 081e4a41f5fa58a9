// The settings of connections to next hops, as every transport that opens them offers them: parts for its schema,
// and the types that the connections read.

import { type Static, Type } from 'typebox';
import { Duration } from '../contract/index.ts';

/** How long a next hop may take for what: the time-outs of RFC 5321 §4.5.3.2. */
export const timeoutProperties = {
  connectTimeout: Duration({ default: '30s', description: 'A connection, and a TLS handshake.' }),
  greetingTimeout: Duration({
    default: '5m',
    description: 'The greeting and the replies to EHLO and STARTTLS.',
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

/** `may`: STARTTLS where offered, in clear where not; `encrypt`: never in clear. Nothing is verified. */
export type TlsMode = 'may' | 'none' | 'encrypt';

export interface ConnectionSettings extends Static<typeof properties> {
  /** Our name in EHLO or LHLO. */
  readonly helo: string;
  readonly tls: TlsMode;
  /** Default: smtp. */
  readonly protocol?: 'smtp' | 'lmtp';
}
