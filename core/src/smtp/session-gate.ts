// What keeps a session from serving a command, whatever its arguments: no service for this client, or no TLS yet.

import type { Command } from './command.ts';
import { NOT_IMPLEMENTED, STARTTLS_FIRST, TLS_ACTIVE } from './session-replies.ts';
import type { SessionOptions, Step } from './session-steps.ts';

/** What is served before a required STARTTLS (RFC 3207 §4). A malformed command is told what is wrong with it. */
const BEFORE_TLS: ReadonlySet<Command['verb']> = new Set([
  'EHLO',
  'HELO',
  'LHLO',
  'NOOP',
  'RSET',
  'QUIT',
  'STARTTLS',
  'fault',
]);

export class SessionGate {
  tls: SessionOptions['tls'];
  readonly #tlsRequired: boolean;
  #closed: Step | undefined;

  constructor({ tls, tlsRequired }: Pick<SessionOptions, 'tls' | 'tlsRequired'>) {
    this.tls = tls;
    this.#tlsRequired = tlsRequired;
  }

  /** TLS is up. */
  get secure(): boolean {
    return this.tls === 'active';
  }

  /** What all but QUIT gets, where nothing is served. */
  get closed(): Step | undefined {
    return this.#closed;
  }

  /** From now on only QUIT is served, and all else gets this. */
  close(refusal: Step): void {
    this.#closed = refusal;
  }

  /** Undefined where the command may be served. */
  refusalOf(verb: Command['verb']): Step | undefined {
    if (this.#closed !== undefined) return verb === 'QUIT' ? undefined : this.#closed;
    if (this.tls === 'offered')
      return this.#tlsRequired && !BEFORE_TLS.has(verb) ? STARTTLS_FIRST : undefined;
    if (verb !== 'STARTTLS') return undefined;
    return this.secure ? TLS_ACTIVE : NOT_IMPLEMENTED;
  }
}
