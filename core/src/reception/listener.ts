// One listening socket and its connections: admission, deadlines, draining.

import { createServer, type Server, type Socket } from 'node:net';
import { type Identifiers, PosthouseError, type Timer } from '../contract/index.ts';
import { formatReply, reply } from '../smtp/index.ts';
import type { Admission, AdmissionRefusal } from './admission.ts';
import { Connection, type ConnectionContext } from './connection.ts';

/** Deadlines are whole seconds and longer; one sweep serves all connections, and none pays for a timer. */
const SWEEP = 1000;

const REFUSALS = {
  'too-many': formatReply(reply(421, '4.3.2', 'Too many connections, please try again later')),
  'too-many-from-address': formatReply(reply(421, '4.7.0', 'Too many connections from your address')),
  'too-many-from-network': formatReply(reply(421, '4.7.0', 'Too many connections from your network')),
  'too-often': formatReply(reply(421, '4.7.0', 'You connect too often, please try again later')),
} as const satisfies Record<AdmissionRefusal, string>;

export interface ListenerAddress {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

export class Listener {
  readonly name: string;
  readonly #context: ConnectionContext;
  readonly #admission: Admission;
  readonly #identifiers: Identifiers;
  readonly #connections = new Set<Connection>();
  readonly #server: Server;
  /** What was refused since the last sweep, by reason: an attack is one line a second, not one for each connection. */
  readonly #refused = new Map<AdmissionRefusal, { count: number; remoteAddress: string }>();
  #sweep: Timer | undefined;
  #whenEmpty: (() => void) | undefined;

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

  /** Takes its address; port 0 lets the system choose. Rejects with `listen-failed`. */
  listen(host: string, port: number): Promise<ListenerAddress> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) => {
        const text = `listener ${this.name} cannot listen on ${host}:${port}: ${error.message}`;
        reject(new PosthouseError('listen-failed', text, { cause: error }));
      });
      this.#server.listen({ host, port, backlog: 4096 }, () => {
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

  /** A new client. Public so that a test may bring a socket of its own. */
  accept(socket: Socket): void {
    const remoteAddress = socket.remoteAddress ?? '';
    const refusal = this.#admission.enter(remoteAddress);
    if (refusal !== undefined) {
      this.#refuse(socket, refusal, remoteAddress);
      return;
    }
    const facts = {
      id: this.#identifiers.next(),
      remoteAddress,
      remotePort: socket.remotePort ?? 0,
      localAddress: socket.localAddress ?? '',
      localPort: socket.localPort ?? 0,
    };
    const connection = new Connection(socket, facts, this.#context, () => {
      this.#connections.delete(connection);
      this.#admission.leave(remoteAddress);
      if (this.#connections.size === 0) this.#whenEmpty?.();
    });
    this.#connections.add(connection);
    connection.open();
  }

  /** No new clients; those that are here end with their transaction. Resolves when the last one has gone. */
  async drain(): Promise<void> {
    if (this.#server.listening) this.#server.close();
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
    for (const connection of [...this.#connections]) connection.abort('server stopped');
  }

  /** Costs one write. Where TLS comes first there is nobody who could read a reply. */
  #refuse(socket: Socket, refusal: AdmissionRefusal, remoteAddress: string): void {
    const { count } = this.#refused.get(refusal) ?? { count: 0 };
    this.#refused.set(refusal, { count: count + 1, remoteAddress });
    socket.on('error', destroy);
    if (this.#context.tls === 'implicit') {
      socket.destroy();
      return;
    }
    socket.end(REFUSALS[refusal]);
    socket.destroySoon();
  }

  #checkDeadlines(): void {
    const now = this.#context.clock.now();
    for (const [why, { count, remoteAddress }] of this.#refused)
      this.#context.events.emit('connections-refused', { listener: this.name, why, count, remoteAddress });
    this.#refused.clear();
    for (const connection of this.#connections) connection.checkDeadlines(now);
  }
}

function destroy(this: Socket): void {
  this.destroy();
}
