// The facts of one connection as plugins see them, kept up to date by the connection that owns them.

import type { MessageOrigin, SessionView, TlsFacts } from '../contract/index.ts';
import type { SmtpSession } from '../smtp/index.ts';

export class SessionFacts implements SessionView {
  readonly id: string;
  readonly listener: string;
  readonly openedAt: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  tls: TlsFacts | undefined;
  readonly #session: SmtpSession;

  constructor(
    facts: Pick<
      SessionView,
      'id' | 'listener' | 'openedAt' | 'remoteAddress' | 'remotePort' | 'localAddress' | 'localPort'
    >,
    session: SmtpSession,
  ) {
    this.id = facts.id;
    this.listener = facts.listener;
    this.openedAt = facts.openedAt;
    this.remoteAddress = facts.remoteAddress;
    this.remotePort = facts.remotePort;
    this.localAddress = facts.localAddress;
    this.localPort = facts.localPort;
    this.#session = session;
  }

  get helo(): string | undefined {
    return this.#session.helo;
  }

  get earlyTalker(): boolean {
    return this.#session.earlyTalker;
  }

  get user(): string | undefined {
    return this.#session.user;
  }

  /** RFC 3848. */
  get protocol(): SessionView['protocol'] {
    if (!this.#session.esmtp) return 'SMTP';
    if (this.tls === undefined) return this.user === undefined ? 'ESMTP' : 'ESMTPA';
    return this.user === undefined ? 'ESMTPS' : 'ESMTPSA';
  }

  /** What the queue remembers of it. */
  origin(): MessageOrigin {
    const { id, listener, remoteAddress, helo, protocol, user } = this;
    return {
      session: id,
      listener,
      remoteAddress,
      protocol,
      ...(helo !== undefined && { helo }),
      ...(user !== undefined && { user }),
    };
  }
}
