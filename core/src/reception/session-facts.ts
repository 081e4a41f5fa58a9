// The facts of one connection as plugins see them, kept up to date by the connection that owns them.

import type { MessageOrigin, ProxyFacts, SessionView, TlsFacts } from '../contract/index.ts';
import type { ClientAttributes, ForwardedAttributes, SmtpSession } from '../smtp/index.ts';

/** What is known of a connection before anything is said on it. */
export type ConnectionFacts = Pick<
  SessionView,
  'id' | 'remoteAddress' | 'remotePort' | 'localAddress' | 'localPort' | 'proxy'
>;

export class SessionFacts implements SessionView {
  readonly id: string;
  readonly listener: string;
  readonly openedAt: number;
  remoteAddress: string;
  remotePort: number;
  localAddress: string;
  localPort: number;
  tls: TlsFacts | undefined;
  proxy: ProxyFacts | undefined;
  forwarded: ForwardedAttributes | undefined;
  readonly #session: SmtpSession;

  constructor(facts: ConnectionFacts & Pick<SessionView, 'listener' | 'openedAt'>, session: SmtpSession) {
    this.id = facts.id;
    this.listener = facts.listener;
    this.openedAt = facts.openedAt;
    this.remoteAddress = facts.remoteAddress;
    this.remotePort = facts.remotePort;
    this.localAddress = facts.localAddress;
    this.localPort = facts.localPort;
    this.proxy = facts.proxy;
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
    if (this.#session.lmtp) {
      if (this.tls === undefined) return this.user === undefined ? 'LMTP' : 'LMTPA';
      return this.user === undefined ? 'LMTPS' : 'LMTPSA';
    }
    if (!this.#session.esmtp) return 'SMTP';
    if (this.tls === undefined) return this.user === undefined ? 'ESMTP' : 'ESMTPA';
    return this.user === undefined ? 'ESMTPS' : 'ESMTPSA';
  }

  /** XCLIENT: the session has another client from now on. What was not mentioned stays; name and login are the session's. */
  become(client: ClientAttributes): void {
    const { address, port, name, destinationAddress, destinationPort } = client;
    const before = this.proxy?.by === 'XCLIENT' ? this.proxy : undefined;
    const hostName = name === undefined ? before?.name : name;
    this.proxy = {
      by: 'XCLIENT',
      address: before?.address ?? this.remoteAddress,
      port: before?.port ?? this.remotePort,
      ...(typeof hostName === 'string' && { name: hostName }),
    };
    if (address !== undefined) this.remoteAddress = address ?? '';
    if (port !== undefined) this.remotePort = port ?? 0;
    if (destinationAddress !== undefined) this.localAddress = destinationAddress ?? '';
    if (destinationPort !== undefined) this.localPort = destinationPort ?? 0;
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
