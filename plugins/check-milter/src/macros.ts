// The macros of a session: which are told in which stage (the names of Sendmail, the choice of Postfix), and their values.

import { type Mailbox, note, type ReversePath, type SessionView, unmapped } from '@posthouse/core';
import { COMMAND, frame, type Stage, string } from './protocol.ts';

/** Where check-client stands before: a name of the client's address that leads back to it. */
const REVERSE_NAME = note<{ readonly confirmed: string | null }>('check-client/reverse-name');

export const DEFAULT_MACROS: { readonly [S in Stage]: readonly string[] } = {
  connect: [
    'j',
    '{daemon_name}',
    '{daemon_addr}',
    '{daemon_port}',
    'v',
    '_',
    '{client_addr}',
    '{client_port}',
    '{client_name}',
  ],
  helo: ['{tls_version}', '{cipher}', '{cert_subject}', '{cert_issuer}'],
  mail: ['i', '{auth_type}', '{auth_authen}', '{mail_addr}', '{mail_host}'],
  rcpt: ['i', '{rcpt_addr}', '{rcpt_host}'],
  data: ['i'],
  eoh: ['i'],
  eom: ['i', '{auth_authen}'],
};

export interface MacroFacts {
  readonly session: SessionView;
  readonly hostname: string;
  /** SASL's name of the mechanism by which the client has authenticated. */
  readonly mechanism: string | undefined;
  readonly notes: { get(of: typeof REVERSE_NAME): { readonly confirmed: string | null } | undefined };
  readonly sender?: ReversePath;
  readonly recipient?: Mailbox;
}

/** A name that leads back to the client's address, or the address in brackets, as Postfix and Sendmail write it. */
export function clientName({ session, notes }: Pick<MacroFacts, 'session' | 'notes'>): string {
  return notes.get(REVERSE_NAME)?.confirmed ?? `[${unmapped(session.remoteAddress)}]`;
}

const VALUES = new Map<string, (facts: MacroFacts) => string | undefined>(
  Object.entries({
    j: ({ hostname }) => hostname,
    v: () => 'Posthouse',
    // The session stands for the queue id, which a message gets when it is kept: `posthouse why` finds it by either.
    i: ({ session }) => session.id,
    _: (facts) => `${clientName(facts)} [${unmapped(facts.session.remoteAddress)}]`,
    daemon_name: ({ session }) => session.listener,
    daemon_addr: ({ session }) => unmapped(session.localAddress),
    daemon_port: ({ session }) => String(session.localPort),
    if_addr: ({ session }) => unmapped(session.localAddress),
    client_addr: ({ session }) => unmapped(session.remoteAddress),
    client_port: ({ session }) => String(session.remotePort),
    client_name: clientName,
    client_ptr: clientName,
    tls_version: ({ session }) => session.tls?.version,
    cipher: ({ session }) => session.tls?.cipher,
    cert_subject: ({ session }) => session.tls?.client?.subject,
    cert_issuer: ({ session }) => session.tls?.client?.issuer,
    auth_type: ({ session, mechanism }) => (session.user === undefined ? undefined : (mechanism ?? 'PLAIN')),
    auth_authen: ({ session }) => session.user,
    mail_addr: ({ sender }) => (sender === null ? '' : sender?.toString()),
    mail_host: ({ sender }) => sender?.domain,
    rcpt_addr: ({ recipient }) => recipient?.toString(),
    rcpt_host: ({ recipient }) => recipient?.domain,
  } satisfies Record<string, (facts: MacroFacts) => string | undefined>),
);

/** Values of the configuration, whose names may have their braces or not. */
export function fixedValues(values: Readonly<Record<string, string>> = {}): ReadonlyMap<string, string> {
  return new Map(Object.entries(values).map(([name, value]) => [name.replace(BRACES, '$1'), value]));
}

const BRACES = /^\{(.*)\}$/;

/** The frame before a command, with those of the macros that have a value; undefined where none has. */
export function macroFrame(
  stage: Stage,
  names: readonly string[],
  facts: MacroFacts,
  fixed: ReadonlyMap<string, string>,
): Buffer | undefined {
  const pairs: string[] = [];
  for (const name of names) {
    const bare = name.replace(BRACES, '$1');
    const value = fixed.get(bare) ?? VALUES.get(bare)?.(facts);
    if (value !== undefined) pairs.push(string(bare.length === 1 ? bare : `{${bare}}`), string(value));
  }
  return pairs.length === 0 ? undefined : frame('macro', COMMAND[stage], ...pairs);
}
