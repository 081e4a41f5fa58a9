// createServer: a definition becomes a server that starts, tells its addresses, and stops without losing mail.

import { join } from 'node:path';
import type { LoginServices } from '../authentication/index.ts';
import { PosthouseError } from '../contract/index.ts';
import { QueueControl } from '../delivery/index.ts';
import { describePlan, type PlanLine, planFor } from '../hooks/index.ts';
import {
  Admission,
  FailureTable,
  Listener,
  type ListenerAddress,
  type ListenerAuth,
  TrustedNetworks,
} from '../reception/index.ts';
import { assemble, type House, type SystemServices } from './assembly.ts';
import { resolveDefinition } from './configuration/index.ts';
import { ControlServer } from './control.ts';
import { isResolved, type ResolvedDefinition, type ServerDefinition } from './definition.ts';
import { Lifecycle, type Startable } from './lifecycle.ts';
import type { ResolvedListener } from './listener-definition.ts';
import { openLog } from './logging.ts';
import { systemChance } from './system/chance.ts';
import { systemClock } from './system/clock.ts';
import { systemIdentifiers } from './system/identifiers.ts';
import { SystemResolver } from './system/resolver.ts';
import { Certificates } from './tls/certificates.ts';

/** Where a certificate of our own is kept, beside the configuration file. */
const SELF_SIGNED = 'var/self-signed.pem';

export interface Server {
  /** Takes what it needs and listens. Rejects with a PosthouseError; then nothing is left running. */
  start(): Promise<void>;
  /**
   * Graceful: no new clients, open transactions and running attempts end, and at `deadlines.drain` what is left is
   * cut off. What was accepted stays in the queue.
   */
  stop(): Promise<void>;
  /** Reads the certificates again. What cannot be read is logged and leaves those in use. */
  reload(): void;
  /** Where it listens. Empty before `start`. */
  readonly addresses: readonly ListenerAddress[];
  /** Who is asked at which hook, in order; available without `start`. */
  plan(): readonly PlanLine[];
  /** One line for people from each plugin that has something to say. */
  describe(): readonly string[];
  /** What whoever starts the server must know; available after `start`. */
  cautions(): readonly string[];
  /** The parts, for the test kit. */
  readonly house: House;
  readonly listeners: readonly Listener[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** @param system what the server takes from the world; tests give their own clock, chance and resolver. */
export function createServer(
  given: ServerDefinition | ResolvedDefinition,
  system: Partial<SystemServices> = {},
): Server {
  const definition = isResolved(given) ? given : resolveDefinition(given, process.cwd());
  return new PosthouseServer(definition, system);
}

class PosthouseServer implements Server {
  readonly house: House;
  readonly listeners: readonly Listener[];
  readonly #definition: ResolvedDefinition;
  readonly #system: SystemServices;
  readonly #flushLog: () => void;
  readonly #lifecycle: Lifecycle;
  readonly #certificates: Certificates;
  readonly #failures: FailureTable;
  readonly #addresses: ListenerAddress[] = [];
  /** Set when the server begins to stop, milliseconds since the epoch. */
  #drainUntil = 0;
  #stopping: Promise<void> | undefined;

  constructor(definition: ResolvedDefinition, given: Partial<SystemServices>) {
    this.#definition = definition;
    const clock = given.clock ?? systemClock;
    const chance = given.chance ?? systemChance();
    const log =
      given.logger === undefined ? openLog(definition.log) : { logger: given.logger, flush: () => {} };
    this.#flushLog = log.flush;
    this.#system = {
      clock,
      chance,
      logger: log.logger,
      identifiers: given.identifiers ?? systemIdentifiers(clock, chance),
      resolver: given.resolver ?? new SystemResolver(definition.dns, clock),
    };
    this.#lifecycle = new Lifecycle(log.logger);
    this.house = assemble(definition, this.#system);
    const { tls, hostname, file, folder } = definition;
    // A library leaves no files about unasked.
    const kept = file === undefined ? undefined : join(folder, SELF_SIGNED);
    this.#certificates = new Certificates(tls, hostname, kept, clock, this.house.events);
    const admission = new Admission(definition.limits, clock);
    this.#failures = new FailureTable(definition.limits, definition.deadlines);
    this.listeners = definition.listeners.map((listener) => this.#listener(listener, admission));
  }

  get addresses(): readonly ListenerAddress[] {
    return this.#addresses;
  }

  plan(): readonly PlanLine[] {
    return describePlan(
      this.#definition.listeners.map(({ name }) => name),
      this.house.planned,
    );
  }

  describe(): readonly string[] {
    return this.house.plugins.flatMap(({ body }) => body.describe?.() ?? []);
  }

  cautions(): readonly string[] {
    return this.#certificates.cautions();
  }

  async start(): Promise<void> {
    const { plugins, scheduler, events, identity, store, routing } = this.house;
    const { clock } = this.#system;
    const control = this.#definition.control;
    const queueControl = new QueueControl({
      store,
      scheduler,
      routing,
      clock,
      events,
      settings: this.#definition.delivery,
    });
    const parts: Startable[] = [
      {
        name: 'certificates',
        start: () => this.#certificates.start(),
        stop: () => this.#certificates.stop(),
      },
      ...plugins.map(({ name, body }) => ({
        name: `plugin ${name}`,
        start: () => body.start?.(),
        stop: () => body.stop?.(),
      })),
      { name: 'scheduler', start: () => scheduler.start(), stop: () => scheduler.stop(this.#drainUntil) },
      ...(control === undefined
        ? []
        : [named('control socket', new ControlServer(control.socket, queueControl, this.house.trace))]),
      { name: 'listeners', start: () => this.#listen(), stop: () => this.#drain() },
    ];
    await this.#lifecycle.start(parts);
    identity.listening(this.#addresses);
    // Whoever waits for this line need not wait for the log's next batch.
    queueMicrotask(this.#flushLog);
    events.emit('server-started', { hostname: this.#definition.hostname, listeners: this.#addresses });
  }

  reload(): void {
    this.#certificates.reload();
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    const { clock } = this.#system;
    const began = clock.now();
    this.#drainUntil = began + this.#definition.deadlines.drain;
    const connections = this.listeners.reduce((sum, listener) => sum + listener.connections, 0);
    this.house.events.emit('server-draining', {
      connections,
      attempts: this.house.scheduler.running,
      deadline: this.#drainUntil,
    });
    await this.#lifecycle.stop();
    this.house.events.emit('server-stopped', { milliseconds: clock.now() - began });
    this.#flushLog();
  }

  async #listen(): Promise<void> {
    try {
      for (const [index, listener] of this.listeners.entries()) {
        const { host, port } = this.#definition.listeners[index] as ResolvedListener;
        this.#addresses.push(await listener.listen(host, port));
      }
    } catch (error) {
      for (const listener of this.listeners) listener.close();
      throw error;
    }
  }

  /** Resolves when every connection has ended, or been cut off at the deadline. */
  async #drain(): Promise<void> {
    const left = Math.max(0, this.#drainUntil - this.#system.clock.now());
    const cut = this.#system.clock.after(left, () => {
      for (const listener of this.listeners) listener.close();
    });
    await Promise.all(this.listeners.map((listener) => listener.drain()));
    cut.stop();
    for (const listener of this.listeners) listener.close();
  }

  #listener(listener: ResolvedListener, admission: Admission): Listener {
    const { name, tls, tlsRequired, rejectAt, bannerDelay, earlyTalker } = listener;
    const { bareLf, bareCr, nul, binaryMime, protocol, vrfy, dsn } = listener;
    const { hostname, limits, deadlines } = this.#definition;
    const { clock, logger, identifiers } = this.#system;
    const context = {
      listener: name,
      hostname,
      tls,
      tlsRequired,
      xclients: listener.xclient && new TrustedNetworks(listener.xclient, `listener ${name}: xclient`),
      proxies: listener.proxy && new TrustedNetworks(listener.proxy, `listener ${name}: proxy`),
      rejectAt,
      bannerDelay,
      earlyTalker,
      ...this.#auth(listener),
      body: { bareLf, bareCr, nul },
      protocol,
      vrfy,
      dsn,
      binaryMime,
      limits,
      deadlines,
      clock,
      secure: tls === 'none' ? undefined : this.#certificates.forListener(listener),
      plan: planFor(name, this.house.planned),
      intake: this.house.intake,
      events: this.house.events,
      log: logger.child({ listener: name }),
    };
    return new Listener(context, admission, identifiers);
  }

  /** How clients of a listener authenticate, and who is asked about them. */
  #auth({ name, auth, authWithoutTls, authMechanisms }: ResolvedListener): {
    readonly auth: ListenerAuth | undefined;
    readonly login: LoginServices | undefined;
  } {
    if (auth === 'none') return { auth: undefined, login: undefined };
    const authenticators = this.house.authenticators.on(name);
    const possible = authenticators.possible();
    if (possible.length === 0) {
      const text = `nothing provides the service Authenticator: listener ${name} has auth: ${auth}; add a plugin such as @posthouse/auth-file to the plugin list`;
      throw new PosthouseError('service-missing', text);
    }
    const impossible = (authMechanisms ?? []).filter((mechanism) => !possible.includes(mechanism));
    if (impossible.length > 0) {
      const text = `no Authenticator of listener ${name} can verify ${impossible.join(', ')}; possible are ${possible.join(', ')}`;
      throw new PosthouseError('config-invalid', text);
    }
    const { clock } = this.#system;
    return {
      auth: {
        required: auth === 'required',
        withoutTls: authWithoutTls,
        mechanisms: () => authMechanisms ?? authenticators.mechanisms(),
      },
      login: { authenticators, failures: this.#failures, clock, events: this.house.events },
    };
  }
}

function named(name: string, part: { start(): Promise<void>; stop(): Promise<void> }): Startable {
  return { name, start: () => part.start(), stop: () => part.stop() };
}
