// One listening socket and its connections: admission, deadlines, draining.

import { createServer, type Server, type Socket } from 'node:net';
import { type Identifiers, PosthouseError, type ProxyFacts, type Timer } from '../contract/index.ts';
import { formatReply, type Reply, reply } from '../smtp/index.ts';
import type { Admission, AdmissionRefusal } from './admission.ts';
import { Connection, type ConnectionOwner } from './connection.ts';
import type { ConnectionContext } from './connection-context.ts';
import { ProxiedSocket } from './proxied-socket.ts';
import type { ProxiedAddresses, ProxyHeader } from './proxy-header.ts';

/** Deadlines are whole seconds and longer; one sweep serves all connections, and none pays for a timer. */
const SWEEP = 1000;

const REFUSALS = {
  'too-many': reply(421, '4.3.2', 'Too many connections, please try again later'),
  'too-many-from-address': reply(421, '4.7.0', 'Too many connections from your address'),
  'too-many-from-network': reply(421, '4.7.0', 'Too many connections from your network'),
  'too-often': reply(421, '4.7.0', 'You connect too often, please try again later'),
} as const satisfies Record<AdmissionRefusal, Reply>;

type Refusal = AdmissionRefusal | 'not-a-proxy' | 'bad-proxy-header';

export interface ListenerAddress {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

export class Listener implements ConnectionOwner {
  readonly name: string;
  #context: ConnectionContext;
  readonly #admission: Admission;
  readonly #identifiers: Identifiers;
  readonly #connections = new Set<Connection>();
  readonly #server: Server;
  /** What was refused since the last sweep, by reason: an attack is one line a second, not one for each connection. */
  readonly #refused = new Map<Refusal, { count: number; remoteAddress: string; text?: string }>();
  /** Sockets whose PROXY header has not come yet. */
  readonly #unknown = new Set<ProxiedSocket>();
  #sweep: Timer | undefined;
  #whenEmpty: (() => void) | undefined;
  readonly #awaited = new Set<{ readonly left: Set<Connection>; readonly then: () => void }>();

  constructor(context: ConnectionContext, admission: Admission, identifiers: Identifiers) {
    this.name = context.listener;
    this.#context = context;
    this.#admission = admission;
    this.#identifiers = identifiers;
    // A half-closed client still gets its replies.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.accept(socket));
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Those that are open now. */
  get open(): Iterable<Connection> {
    return this.#connections;
  }

  /**
   * Takes its address; port 0 lets the system choose. Rejects with `listen-failed`.
   * @param shared other threads listen there as well, and the system spreads the clients over them
   */
  listen(host: string, port: number, shared = false): Promise<ListenerAddress> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) => {
        const text = `listener ${this.name} cannot listen on ${host}:${port}: ${error.message}`;
        reject(new PosthouseError('listen-failed', text, { cause: error }));
      });
      this.#server.listen({ host, port, backlog: 4096, reusePort: shared }, () => {
        this.#server.removeAllListeners('error');
        this.#server.on('error', (error) =>
          this.#context.log.error({ listener: this.name, error: error.message }, 'listener error'),
        );
        this.#sweep = this.#context.clock.every(SWEEP, () => this.#checkDeadlines());
        const address = this.#server.address();
        const taken = typeof address === 'object' && address !== null ? address.port : port;
        resolve({ name: this.name, host, port: taken });
      });
    });
  }

  /**
   * From now on new clients are served in this context; those that are here end with theirs. Resolves when the last of
   * these has gone.
   */
  adopt(context: ConnectionContext): Promise<void> {
    this.#context = context;
    if (this.#connections.size === 0) return Promise.resolve();
    return new Promise((then) => {
      this.#awaited.add({ left: new Set(this.#connections), then });
    });
  }

  /** A new client, or a proxy with one. Public so that a test may bring a socket of its own. */
  accept(socket: Socket): void {
    const { proxies, limits, clock } = this.#context;
    if (proxies === undefined) {
      this.#welcome(socket, addressesOf(socket), undefined);
      return;
    }
    const proxy = socket.remoteAddress ?? '';
    if (!proxies.has(proxy)) this.#refuse(socket, 'not-a-proxy', proxy);
    else if (this.#admission.total + this.#unknown.size >= limits.connections)
      this.#refuse(socket, 'too-many', proxy);
    else {
      const unknown = new ProxiedSocket(socket, clock.now(), (result) => {
        this.#unknown.delete(unknown);
        this.#introduced(socket, result);
      });
      this.#unknown.add(unknown);
    }
  }

  /** The PROXY header has come, or will not. */
  #introduced(socket: Socket, result: ProxyHeader | { readonly fault: string }): void {
    const own = addressesOf(socket);
    if ('fault' in result) {
      this.#refuse(socket, 'bad-proxy-header', own.remoteAddress, result.fault);
      return;
    }
    const proxy = { by: 'PROXY' as const, address: own.remoteAddress, port: own.remotePort, ...result.facts };
    this.#welcome(socket, result.addresses ?? own, result.addresses && proxy);
  }

  /** Admits the client, by the address that it has itself. */
  #welcome(socket: Socket, addresses: ProxiedAddresses, proxy: ProxyFacts | undefined): void {
    const { remoteAddress } = addresses;
    const refusal = this.#admission.enter(remoteAddress);
    if (refusal !== undefined) {
      this.#refuse(socket, refusal, remoteAddress);
      return;
    }
    const facts = { id: this.#identifiers.next(), ...addresses, proxy };
    const connection = new Connection(socket, facts, this.#context, this);
    this.#connections.add(connection);
    connection.open();
  }

  /** The connection says that it is another's (XCLIENT). */
  moved(connection: Connection, address: string): string | undefined {
    const refusal = this.#admission.move(connection.admittedAs, address);
    if (refusal === undefined) connection.admittedAs = address;
    return refusal && REFUSALS[refusal].lines[0];
  }

  closed(connection: Connection): void {
    this.#connections.delete(connection);
    for (const awaited of this.#awaited) {
      if (!awaited.left.delete(connection) || awaited.left.size > 0) continue;
      this.#awaited.delete(awaited);
      awaited.then();
    }
    this.#admission.leave(connection.admittedAs);
    if (this.#connections.size === 0) this.#whenEmpty?.();
  }

  /** No new clients; those that are here end with their transaction. Resolves when the last one has gone. */
  async drain(): Promise<void> {
    if (this.#server.listening) this.#server.close();
    this.#forgetUnknown();
    for (const connection of [...this.#connections]) connection.drain();
    if (this.#connections.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
    });
  }

  /** Cuts off whoever is still here. */
  close(): void {
    this.#sweep?.stop();
    if (this.#server.listening) this.#server.close();
    this.#forgetUnknown();
    for (const connection of [...this.#connections]) connection.abort('server stopped');
  }

  /** Nobody is known to wait there yet. */
  #forgetUnknown(): void {
    for (const { socket } of this.#unknown) socket.destroy();
  }

  /** Costs one write. Where TLS comes first, or a proxy has to, there is nobody who could read a reply. */
  #refuse(socket: Socket, refusal: Refusal, remoteAddress: string, text?: string): void {
    const { count } = this.#refused.get(refusal) ?? { count: 0 };
    this.#refused.set(refusal, { count: count + 1, remoteAddress, ...(text !== undefined && { text }) });
    socket.on('error', destroy);
    if (this.#context.tls === 'implicit' || refusal === 'not-a-proxy' || refusal === 'bad-proxy-header') {
      socket.destroy();
      return;
    }
    socket.end(formatReply(REFUSALS[refusal]));
    socket.destroySoon();
  }

  #checkDeadlines(): void {
    const now = this.#context.clock.now();
    for (const [why, refused] of this.#refused)
      this.#context.events.emit('connections-refused', { listener: this.name, why, ...refused });
    this.#refused.clear();
    const { proxyHeader } = this.#context.deadlines;
    for (const unknown of this.#unknown) unknown.checkDeadline(now, proxyHeader);
    for (const connection of this.#connections) connection.checkDeadlines(now);
  }
}

function addressesOf(socket: Socket): ProxiedAddresses {
  return {
    remoteAddress: socket.remoteAddress ?? '',
    remotePort: socket.remotePort ?? 0,
    localAddress: socket.localAddress ?? '',
    localPort: socket.localPort ?? 0,
  };
}

function destroy(this: Socket): void {
  this.destroy();
}
