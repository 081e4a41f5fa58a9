// createServer: a definition becomes a server that starts, tells its addresses, and stops without losing mail.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type Events, PosthouseError } from '../contract/index.ts';
import { QueueControl } from '../delivery/index.ts';
import { describePlan, type PlanLine } from '../hooks/index.ts';
import {
  Admission,
  FailureTable,
  type Listener,
  type ListenerAddress,
  OwnTallies,
} from '../reception/index.ts';
import { type Arrangement, arrange, type Surroundings } from './arrangement.ts';
import { assemble, type House, type SystemServices } from './assembly.ts';
import { fixedChanges } from './changes.ts';
import { loadConfiguration, resolveDefinition } from './configuration/index.ts';
import { ControlServer } from './control.ts';
import { Crew } from './crew.ts';
import { isResolved, type ResolvedDefinition, type ServerDefinition } from './definition.ts';
import { Doors } from './doors.ts';
import type { Entrance, PreparedChange } from './entrance.ts';
import { Lifecycle, type Startable } from './lifecycle.ts';
import { openLog } from './logging.ts';
import { checkForWorkers } from './planned-plugins.ts';
import { systemChance } from './system/chance.ts';
import { systemClock } from './system/clock.ts';
import { systemIdentifiers } from './system/identifiers.ts';
import { SystemResolver } from './system/resolver.ts';
import { SELF_SIGNED } from './tls/self-signed.ts';
import { uncaught } from './uncaught.ts';
import { Workforce } from './workers/workforce.ts';

export type ReloadReport = Events['configuration-reloaded'];

export interface Server {
  /** Takes what it needs and listens. Rejects with a PosthouseError; then nothing is left running. */
  start(): Promise<void>;
  /**
   * Graceful: no new clients, open transactions and running attempts end, and at `deadlines.drain` what is left is
   * cut off. What was accepted stays in the queue.
   */
  stop(): Promise<void>;
  /**
   * Takes over a new definition while mail flows; without one, the file that the server was made from is read again,
   * and where there is none the certificates are. New sessions and attempts see the new one, those under way end with
   * theirs; listeners stay open, and whatever has not changed stays as it is. Rejects with a PosthouseError when the
   * definition cannot be used: then nothing has changed.
   */
  reload(definition?: ServerDefinition | ResolvedDefinition): Promise<ReloadReport>;
  /** Where it listens. Empty before `start`. */
  readonly addresses: readonly ListenerAddress[];
  /** Who is asked at which hook, in order; available without `start`. */
  plan(): readonly PlanLine[];
  /** One line for people from each plugin that has something to say. */
  describe(): readonly string[];
  /** What whoever starts the server must know; available after `start`. */
  cautions(): readonly string[];
  /** Writes an error that nobody caught into the log, before it returns: for whoever owns the process and hears of it. */
  noteUncaught(kind: Events['error-uncaught']['kind'], error: unknown): void;
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
  readonly #system: SystemServices;
  readonly #flushLog: () => void;
  readonly #lifecycle: Lifecycle;
  readonly #crew: Crew;
  readonly #admission: Admission;
  readonly #failures: FailureTable;
  readonly #entrance: Entrance;
  readonly #surroundings: Surroundings;
  #arrangement: Arrangement;
  #started = false;
  #reloading: Promise<unknown> = Promise.resolve();
  /** Set when the server begins to stop, milliseconds since the epoch. */
  #drainUntil = 0;
  #stopping: Promise<void> | undefined;

  constructor(definition: ResolvedDefinition, given: Partial<SystemServices>) {
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
    this.#crew = new Crew(log.logger);
    this.#admission = new Admission(definition.limits, new OwnTallies(clock));
    const secret = randomBytes(16);
    this.#failures = new FailureTable(definition.limits, definition.deadlines, { secret });
    this.#surroundings = {
      system: this.#system,
      failures: this.#failures,
      // A library leaves no files about unasked.
      selfSignedFile: definition.file === undefined ? undefined : join(definition.folder, SELF_SIGNED),
    };
    this.#arrangement = arrange(assemble(definition, this.#system), this.#surroundings);
    this.#arrangement.house.moveIn();
    const { house, contexts } = this.#arrangement;
    if (definition.workers > 1) checkForWorkers(definition.plugins, house.planned);
    this.#entrance =
      definition.workers > 1
        ? new Workforce({ house, system: this.#system, failures: this.#failures }, secret)
        : new Doors(contexts, this.#admission, this.#system.identifiers, clock);
  }

  get house(): House {
    return this.#arrangement.house;
  }

  get listeners(): readonly Listener[] {
    return this.#entrance.listeners;
  }

  get addresses(): readonly ListenerAddress[] {
    return this.#entrance.addresses;
  }

  plan(): readonly PlanLine[] {
    const { definition, house } = this.#arrangement;
    return describePlan(
      definition.listeners.map(({ name }) => name),
      house.planned,
    );
  }

  describe(): readonly string[] {
    return this.house.plugins.flatMap(({ body }) => body.describe?.() ?? []);
  }

  cautions(): readonly string[] {
    return this.#arrangement.certificates.cautions();
  }

  noteUncaught(kind: Events['error-uncaught']['kind'], error: unknown): void {
    this.house.events.emit('error-uncaught', uncaught(kind, error));
    this.#flushLog();
  }

  async start(): Promise<void> {
    const { house, definition } = this.#arrangement;
    const { scheduler, events, identity } = house;
    const { control, hostname } = definition;
    const parts: Startable[] = [
      {
        name: 'certificates',
        start: () => this.#arrangement.certificates.start(),
        stop: () => this.#arrangement.certificates.stop(),
      },
      { name: 'plugins', start: () => this.#crew.start(house.fresh), stop: () => this.#crew.stop() },
      { name: 'scheduler', start: () => scheduler.start(), stop: () => scheduler.stop(this.#drainUntil) },
      ...(control === undefined ? [] : [named('control socket', this.#controlServer(control.socket))]),
      { name: 'listeners', start: () => this.#entrance.open(), stop: () => this.#drain() },
    ];
    await this.#lifecycle.start(parts);
    this.#started = true;
    identity.listening(this.addresses);
    // Whoever waits for this line need not wait for the log's next batch.
    queueMicrotask(this.#flushLog);
    events.emit('server-started', { hostname, listeners: this.addresses });
  }

  reload(given?: ServerDefinition | ResolvedDefinition): Promise<ReloadReport> {
    const turn = this.#reloading.then(() => this.#reload(given));
    this.#reloading = turn.catch(() => undefined);
    return turn;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #reload(given: ServerDefinition | ResolvedDefinition | undefined): Promise<ReloadReport> {
    const { clock } = this.#system;
    const began = clock.now();
    const { events } = this.house;
    try {
      const exchanged = await this.#exchange(await this.#definitionOf(given));
      const report = { ...exchanged, milliseconds: clock.now() - began };
      events.emit('configuration-reloaded', report);
      return report;
    } catch (error) {
      events.emit('configuration-refused', { text: error instanceof Error ? error.message : String(error) });
      throw error;
    } finally {
      queueMicrotask(this.#flushLog);
    }
  }

  #definitionOf(
    given: ServerDefinition | ResolvedDefinition | undefined,
  ): ResolvedDefinition | Promise<ResolvedDefinition> {
    if (given !== undefined) return isResolved(given) ? given : resolveDefinition(given, process.cwd());
    const { definition } = this.#arrangement;
    return definition.file === undefined ? definition : loadConfiguration(definition.file);
  }

  async #exchange(definition: ResolvedDefinition): Promise<Omit<ReloadReport, 'milliseconds'>> {
    this.#mustRun();
    const before = this.#arrangement;
    const fixed = fixedChanges(before.definition, definition);
    if (fixed.length > 0)
      throw new PosthouseError(
        'restart-needed',
        `${fixed.join(', ')} cannot change while the server runs: restart it`,
      );
    const after = arrange(assemble(definition, this.#system, before.house), this.#surroundings);
    const { house, certificates } = after;
    if (definition.workers > 1) checkForWorkers(definition.plugins, house.planned);
    const plugins = new Set(house.plugins);
    let change: PreparedChange | undefined;
    try {
      certificates.start();
      await this.#crew.start(house.fresh);
      change = await this.#entrance.prepare(after);
      this.#mustRun();
    } catch (error) {
      change?.abandon();
      certificates.stop();
      this.#crew.keepOnly(new Set(before.house.plugins), Promise.resolve());
      throw error;
    }
    // From here to the end nothing waits: nobody sees half of it.
    this.#arrangement = after;
    house.moveIn();
    this.#admission.adopt(definition.limits);
    this.#failures.adopt(definition.limits, definition.deadlines);
    const { closed, done, free } = change.apply();
    before.certificates.stop();
    house.identity.listening(this.addresses);
    const leaving = this.#crew.keepOnly(plugins, Promise.all([free, house.scheduler.whenAttemptsEnd()]));
    await done;
    return {
      started: house.fresh.map(({ name }) => name),
      leaving,
      kept: house.plugins.filter((one) => !house.fresh.includes(one)).map(({ name }) => name),
      opened: change.opened,
      closed,
    };
  }

  #mustRun(): void {
    if (this.#started && this.#stopping === undefined) return;
    throw new PosthouseError('restart-needed', 'the server is not running');
  }

  async #stop(): Promise<void> {
    const { clock } = this.#system;
    const began = clock.now();
    const { drain } = this.#arrangement.definition.deadlines;
    this.#drainUntil = began + drain;
    // A reload sees that the server stops; a plugin that never ends its start holds up nobody.
    await new Promise<void>((resolve) => {
      const late = clock.after(drain, resolve);
      void this.#reloading.then(() => {
        late.stop();
        resolve();
      });
    });
    const { house } = this.#arrangement;
    house.events.emit('server-draining', {
      connections: this.#entrance.connections,
      attempts: house.scheduler.running,
      deadline: this.#drainUntil,
    });
    await this.#lifecycle.stop();
    house.events.emit('server-stopped', { milliseconds: clock.now() - began });
    this.#flushLog();
  }

  #drain(): Promise<void> {
    return this.#entrance.drain(Math.max(0, this.#drainUntil - this.#system.clock.now()));
  }

  #controlServer(socket: string): ControlServer {
    const { house, definition } = this.#arrangement;
    const { store, scheduler, routing, events } = house;
    const { clock } = this.#system;
    const queue = new QueueControl({
      store,
      scheduler,
      routing,
      clock,
      events,
      settings: definition.delivery,
    });
    return new ControlServer(socket, {
      queue,
      trace: () => this.house.trace,
      reload: () => this.reload(),
    });
  }
}

function named(name: string, part: { start(): Promise<void>; stop(): Promise<void> }): Startable {
  return { name, start: () => part.start(), stop: () => part.stop() };
}
