// createServer: a definition becomes a server that starts, tells its addresses, and stops without losing mail.

import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext } from 'node:tls';
import { PosthouseError } from '../contract/index.ts';
import { QueueControl } from '../delivery/index.ts';
import { describePlan, type PlanLine, planFor } from '../hooks/index.ts';
import { Admission, Listener, type ListenerAddress } from '../reception/index.ts';
import { assemble, type House, type SystemServices } from './assembly.ts';
import { resolveDefinition } from './configuration/index.ts';
import { ControlServer } from './control.ts';
import {
  isResolved,
  type ResolvedDefinition,
  type ResolvedListener,
  type ServerDefinition,
} from './definition.ts';
import { Lifecycle, type Startable } from './lifecycle.ts';
import { openLog } from './logging.ts';
import { systemChance } from './system/chance.ts';
import { systemClock } from './system/clock.ts';
import { systemIdentifiers } from './system/identifiers.ts';
import { SystemResolver } from './system/resolver.ts';

export interface Server {
  /** Takes what it needs and listens. Rejects with a PosthouseError; then nothing is left running. */
  start(): Promise<void>;
  /**
   * Graceful: no new clients, open transactions and running attempts end, and at `deadlines.drain` what is left is
   * cut off. What was accepted stays in the queue.
   */
  stop(): Promise<void>;
  /** Where it listens. Empty before `start`. */
  readonly addresses: readonly ListenerAddress[];
  /** Who is asked at which hook, in order; available without `start`. */
  plan(): readonly PlanLine[];
  /** One line for people from each plugin that has something to say. */
  describe(): readonly string[];
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
    const admission = new Admission(definition.limits, clock);
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

  async start(): Promise<void> {
    const { plugins, scheduler, events, identity, store } = this.house;
    const { clock } = this.#system;
    const control = this.#definition.control;
    const queueControl = new QueueControl(store, scheduler, clock);
    const parts: Startable[] = [
      ...plugins.map(({ name, body }) => ({
        name: `plugin ${name}`,
        start: () => body.start?.(),
        stop: () => body.stop?.(),
      })),
      { name: 'scheduler', start: () => scheduler.start(), stop: () => scheduler.stop(this.#drainUntil) },
      ...(control === undefined
        ? []
        : [named('control socket', new ControlServer(control.socket, queueControl))]),
      { name: 'listeners', start: () => this.#listen(), stop: () => this.#drain() },
    ];
    await this.#lifecycle.start(parts);
    identity.listening(this.#addresses);
    // Whoever waits for this line need not wait for the log's next batch.
    queueMicrotask(this.#flushLog);
    events.emit('server-started', { hostname: this.#definition.hostname, listeners: this.#addresses });
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

  #listener(
    { name, tls, rejectAt, bannerDelay, earlyTalker }: ResolvedListener,
    admission: Admission,
  ): Listener {
    const { hostname, limits, deadlines } = this.#definition;
    const { clock, logger, identifiers } = this.#system;
    const context = {
      listener: name,
      hostname,
      tls,
      rejectAt,
      bannerDelay,
      earlyTalker,
      limits,
      deadlines,
      clock,
      secureContext: tls === 'none' ? undefined : this.#secureContext(),
      plan: planFor(name, this.house.planned),
      intake: this.house.intake,
      events: this.house.events,
      log: logger.child({ listener: name }),
    };
    return new Listener(context, admission, identifiers);
  }

  #loaded: SecureContext | undefined;

  #secureContext(): SecureContext {
    const files = this.#definition.tls;
    if (files === undefined)
      throw new PosthouseError('config-invalid', 'a listener wants TLS, but no certificate is configured');
    try {
      this.#loaded ??= createSecureContext({
        cert: readFileSync(files.cert),
        key: readFileSync(files.key),
        minVersion: 'TLSv1.2',
      });
      return this.#loaded;
    } catch (error) {
      const text = `the certificate cannot be used: ${error instanceof Error ? error.message : String(error)}`;
      throw new PosthouseError('config-invalid', text, { cause: error });
    }
  }
}

function named(name: string, part: { start(): Promise<void>; stop(): Promise<void> }): Startable {
  return { name, start: () => part.start(), stop: () => part.stop() };
}
