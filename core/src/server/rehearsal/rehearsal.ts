// Rehearses one message with a configuration: the real pipeline over a connection without a port, and nothing stays.
// The queue, counts and logins are stand-ins in memory; plugins start only as far as they say that it is harmless;
// observers are not told; nothing is delivered.

import { AuthenticatorList } from '../../authentication/index.ts';
import {
  Authenticator,
  type Clock,
  Counters,
  type Events,
  type QueueEntry,
  QueueStore,
  type Token,
  Trace,
} from '../../contract/index.ts';
import { type ItineraryServices, itineraryOf, type Leg } from '../../delivery/index.ts';
import { planFor } from '../../hooks/index.ts';
import { MemoryStore } from '../../intake/index.ts';
import {
  Admission,
  type ConnectionContext,
  FailureTable,
  Listener,
  OwnTallies,
} from '../../reception/index.ts';
import type { Mailbox, Reply } from '../../smtp/index.ts';
import { type Arrangement, arrange } from '../arrangement.ts';
import { type AssembledPlugin, assemble, type SystemServices } from '../assembly.ts';
import type { ResolvedDefinition } from '../definition.ts';
import { connectedPair } from '../in-process-socket.ts';
import { Lifecycle } from '../lifecycle.ts';
import type { ResolvedListener } from '../listener-definition.ts';
import { transportsOf } from '../planned-plugins.ts';
import { type LoggedLine, recordingLogger } from '../recording-logger.ts';
import { systemChance } from '../system/chance.ts';
import { systemClock } from '../system/clock.ts';
import { MemoryCounters } from '../system/memory-counters.ts';
import { SystemResolver } from '../system/resolver.ts';
import { CallRecorder } from './call-recorder.ts';
import { RehearsalClient } from './client.ts';
import { holdRehearsal, type RehearsedMail, type Step } from './rehearsed-dialogue.ts';

export interface RehearsedClient extends Omit<RehearsedMail, 'startTls' | 'lmtp'> {
  /** The name of one of the configuration's listeners. */
  readonly listener: string;
  readonly address: string;
  /** TLS where the listener has STARTTLS; where it is implicit there is no other way. */
  readonly tls: boolean;
}

/** What would become of the message for one recipient. */
export interface Fate {
  readonly recipient: string;
  /** What the client hears of it; undefined where the server hung up. */
  readonly reply: Reply | undefined;
  /** Accepted and kept nowhere, held for a person, or bounced: by whom, and why. */
  readonly instead?: {
    readonly what: 'discarded' | 'held' | 'bounced';
    readonly plugin: string;
    readonly text: string;
  };
  /** Where it would go. */
  readonly legs: readonly Leg[];
}

export interface Rehearsal {
  readonly listener: string;
  readonly tls: boolean;
  readonly steps: readonly Step[];
  readonly fates: readonly Fate[];
  /** The message that would be queued. */
  readonly queued: { readonly size: number; readonly onTop: string } | undefined;
  /** Plugins that take no part, because they do not say how they start harmlessly. */
  readonly leftOut: readonly string[];
  /** Warnings and errors of plugins. */
  readonly logged: readonly LoggedLine[];
}

export interface RehearsalOptions {
  /** What the server takes from the world. */
  readonly system?: Partial<SystemServices>;
  /** When it takes place, milliseconds since the epoch: time stands still meanwhile. Default: now. */
  readonly now?: number;
  /** Milliseconds, from any moment on. */
  readonly stopwatch?: () => number;
}

/** Rejects with a PosthouseError where the configuration could not be started either. */
export async function rehearse(
  definition: ResolvedDefinition,
  client: RehearsedClient,
  { system = {}, now = systemClock.now(), stopwatch = () => performance.now() }: RehearsalOptions = {},
): Promise<Rehearsal> {
  const stage = new Stage(definition, { clock: stoppedClock(systemClock, now), ...system }, stopwatch);
  try {
    await stage.start();
    return await stage.play(client);
  } finally {
    await stage.stop();
  }
}

/** Services of which no plugin of the configuration is asked. */
const STOOD_IN: ReadonlySet<Token<unknown>> = new Set<Token<unknown>>([
  QueueStore,
  Counters,
  Authenticator,
  Trace,
]);

/** More than one message can have recipients. */
const MAX_ENTRIES = 100_000;

class Stage {
  readonly #store = new MemoryStore();
  readonly #log = recordingLogger('silent');
  readonly #recorder: CallRecorder;
  readonly #system: SystemServices;
  readonly #failures: FailureTable;
  readonly #arrangement: Arrangement;
  readonly #lifecycle: Lifecycle;
  readonly #leftOut: ReadonlySet<AssembledPlugin>;
  readonly #discarded: Events['message-discarded'][] = [];

  constructor(
    definition: ResolvedDefinition,
    given: Partial<SystemServices> & Pick<SystemServices, 'clock'>,
    stopwatch: () => number,
  ) {
    const { clock } = given;
    this.#system = {
      clock,
      chance: given.chance ?? systemChance(),
      logger: this.#log,
      identifiers: given.identifiers ?? countedIdentifiers(),
      resolver: given.resolver ?? new SystemResolver(definition.dns, clock),
    };
    this.#recorder = new CallRecorder(stopwatch);
    this.#failures = new FailureTable(definition.limits, definition.deadlines);
    this.#lifecycle = new Lifecycle(this.#log);
    const standIns = new Map<Token<unknown>, unknown>([
      [QueueStore, this.#store],
      [Counters, new MemoryCounters(clock)],
    ]);
    const house = assemble(definition, this.#system, undefined, standIns);
    const surroundings = { system: this.#system, failures: this.#failures, selfSignedFile: undefined };
    this.#arrangement = arrange(house, surroundings);
    this.#leftOut = new Set(
      this.#arrangement.house.plugins.filter(
        (plugin) =>
          takesPart(plugin) && plugin.body.start !== undefined && plugin.body.rehearse === undefined,
      ),
    );
  }

  async start(): Promise<void> {
    const { house, certificates, definition } = this.#arrangement;
    house.events.observe([
      { plugin: '', observe: this.#recorder.observers },
      { plugin: '', observe: { 'message-discarded': (facts) => void this.#discarded.push(facts) } },
    ]);
    const part = house.planned.filter(
      (_, index) => !this.#leftOut.has(house.plugins[index] as AssembledPlugin),
    );
    house.routing.use(transportsOf(part));
    // What plugins write themselves ends in memory too.
    house.outbox.use({ intake: house.intake, limits: definition.limits, signers: [] });
    // It attempts nothing that it has not been offered, and now it takes nothing.
    await house.scheduler.stop(0);
    const starting = house.fresh.filter((plugin) => takesPart(plugin) && !this.#leftOut.has(plugin));
    await this.#lifecycle.start([
      { name: 'certificates', start: () => certificates.start(), stop: () => certificates.stop() },
      ...starting.map(({ name, body }) => ({
        name: `plugin ${name}`,
        start: () => (typeof body.rehearse === 'function' ? body.rehearse() : body.start?.()),
        stop: () => body.stop?.(),
      })),
    ]);
  }

  stop(): Promise<void> {
    return this.#lifecycle.stop();
  }

  async play(given: RehearsedClient): Promise<Rehearsal> {
    const { definition, contexts } = this.#arrangement;
    const listener = definition.listeners.find(({ name }) => name === given.listener) as ResolvedListener;
    const context = this.#contextOf(contexts.get(listener) as ConnectionContext, given.user);
    const door = new Listener(
      context,
      new Admission(definition.limits, new OwnTallies(this.#system.clock)),
      this.#system.identifiers,
    );
    const pair = connectedPair({
      remoteAddress: given.address,
      remotePort: 40_000,
      localAddress: listener.host,
      localPort: listener.port,
    });
    const client = new RehearsalClient(pair.client);
    if (listener.tls === 'implicit') {
      const secured = client.secure();
      door.accept(pair.server);
      await secured;
    } else door.accept(pair.server);
    const startTls = given.tls && listener.tls === 'starttls';
    try {
      const mail = { ...given, startTls, lmtp: listener.protocol === 'lmtp' };
      const { steps, decided } = await holdRehearsal(client, this.#recorder, mail);
      const { entries } = await this.#store.find({}, MAX_ENTRIES);
      const own = entries.filter(({ message }) => message.origin.listener === listener.name);
      const [first] = own;
      return {
        listener: listener.name,
        tls: startTls || listener.tls === 'implicit',
        steps,
        fates: await this.#fatesOf(given.recipients, decided, own),
        queued: first && { size: first.message.size, onTop: first.message.head },
        leftOut: [...this.#leftOut].map(({ name }) => name),
        logged: this.#log.lines.filter(({ level }) => level === 'warn' || level === 'error'),
      };
    } finally {
      client.end();
      door.close();
    }
  }

  /** The client comes as it says, and at once: no proxy has to introduce it, and its login is taken at its word. */
  #contextOf(context: ConnectionContext, user: string | undefined): ConnectionContext {
    const { clock } = this.#system;
    const { house, definition } = this.#arrangement;
    const part = house.planned.filter(
      (_, index) => !this.#leftOut.has(house.plugins[index] as AssembledPlugin),
    );
    const plan = planFor(
      context.listener,
      part.map((plugin) => this.#recorder.recorded(plugin)),
    );
    const common = { ...context, proxies: undefined, bannerDelay: 0, plan };
    if (user === undefined || context.auth === undefined) return common;
    const known = {
      plugin: 'posthouse try',
      authenticator: { verifyPassword: () => ({ user }) },
      on: undefined,
      timeout: definition.deadlines.authenticator,
      log: this.#log,
    };
    const authenticators = new AuthenticatorList([known], clock, house.events);
    return {
      ...common,
      auth: { ...context.auth, mechanisms: () => ['PLAIN'] },
      login: { authenticators, failures: this.#failures, clock, events: house.events },
    };
  }

  async #fatesOf(
    recipients: readonly Mailbox[],
    decided: ReadonlyMap<Mailbox, Reply>,
    entries: readonly QueueEntry[],
  ): Promise<readonly Fate[]> {
    const { house, definition } = this.#arrangement;
    const services: ItineraryServices = {
      ...this.#system,
      store: this.#store,
      routing: house.routing,
      events: house.events,
      settings: definition.delivery,
      log: this.#log,
    };
    const given = new Map(recipients.map((each) => [each.toString(), decided.get(each)]));
    const taken = [...given.values()].find((reply) => reply !== undefined && reply.code < 400);
    // Plugins may have added some.
    const added = entries.flatMap(({ item }) => item.recipients.map(({ address }) => address));
    const fates: Fate[] = [];
    for (const recipient of new Set([...given.keys(), ...added])) {
      const reply = given.has(recipient) ? given.get(recipient) : taken;
      const entry = entries.find(({ item }) => item.recipients.some(({ address }) => address === recipient));
      const instead = this.#insteadOf(recipient, entry);
      const legs = entry === undefined || instead !== undefined ? [] : await itineraryOf(entry, services);
      fates.push({
        recipient,
        reply,
        ...(instead && { instead }),
        legs: legs.filter((leg) => leg.recipient === recipient),
      });
    }
    return fates;
  }

  #insteadOf(recipient: string, entry: QueueEntry | undefined): Fate['instead'] {
    const discarded = this.#discarded.find((facts) => facts.recipients.includes(recipient));
    if (discarded !== undefined)
      return { what: 'discarded', plugin: discarded.plugin, text: discarded.reason };
    const reason = entry?.item.reason;
    if (reason?.kind === 'quarantined') return { what: 'held', plugin: reason.plugin, text: reason.text };
    if (reason?.kind === 'refused')
      return { what: 'bounced', plugin: reason.plugin, text: `${reason.status} ${reason.text}` };
    return undefined;
  }
}

/** Whoever only observes, or only provides what is stood in for, is not needed. */
function takesPart({ plugin, body }: AssembledPlugin): boolean {
  const provided = Object.values(plugin.spec.provides ?? {});
  return Object.keys(body.hooks ?? {}).length > 0 || provided.some((service) => !STOOD_IN.has(service));
}

/** One moment for the whole rehearsal: dates and signatures of two rehearsals at once are the same. */
function stoppedClock(clock: Clock, now: number): Clock {
  return {
    now: () => now,
    after: (milliseconds, then) => clock.after(milliseconds, then),
    every: (milliseconds, then) => clock.every(milliseconds, then),
  };
}

/** The same ones each time. */
function countedIdentifiers(): SystemServices['identifiers'] {
  let count = 0;
  return {
    next: () => {
      count += 1;
      return `REHEARSAL${count}`;
    },
  };
}
