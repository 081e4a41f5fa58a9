// A receiving worker from the inside: listeners, sessions and the plugins that they ask, made from the same configuration
// as the main thread's. Messages, counts, events and log lines go there.

import { join } from 'node:path';
import type { Counters, Logger } from '../../contract/index.ts';
import { Admission, FailureTable, type ListenerAddress } from '../../reception/index.ts';
import { type Arrangement, arrange, type Surroundings } from '../arrangement.ts';
import {
  assembleReceiving,
  type Elsewhere,
  type Mailers,
  type ReceivingHouse,
  type SystemServices,
} from '../assembly.ts';
import { loadConfiguration } from '../configuration/index.ts';
import { Crew } from '../crew.ts';
import type { ResolvedDefinition } from '../definition.ts';
import { Doors } from '../doors.ts';
import type { PreparedChange } from '../entrance.ts';
import { systemChance } from '../system/chance.ts';
import { systemClock } from '../system/clock.ts';
import { systemIdentifiers } from '../system/identifiers.ts';
import { SystemResolver } from '../system/resolver.ts';
import { SELF_SIGNED } from '../tls/self-signed.ts';
import { uncaught } from '../uncaught.ts';
import { type Hearers, Line, type Port } from './line.ts';
import { RemoteDesk } from './remote-desk.ts';
import { MUTE, RemoteEvents } from './remote-events.ts';
import { remoteLogger } from './remote-logger.ts';
import { SharedTallies } from './shared-tallies.ts';
import type { GivenConfiguration, MainWords, WantedEvents, WorkerBirth, WorkerWords } from './words.ts';

/** Milliseconds between two signs of life. */
const BEAT = 1000;
/** What a worker works with once it has its configuration. */
interface Workplace {
  readonly system: SystemServices;
  readonly crew: Crew;
  readonly admission: Admission;
  readonly failures: FailureTable;
  readonly doors: Doors;
  readonly surroundings: Surroundings;
  arrangement: Arrangement<ReceivingHouse>;
}

interface Prepared {
  readonly after: Arrangement<ReceivingHouse>;
  readonly change: PreparedChange;
}

export class Receiver {
  readonly #birth: WorkerBirth;
  readonly #line: Line<WorkerWords, MainWords>;
  readonly #log: Logger;
  readonly #events: RemoteEvents;
  readonly #elsewhere: Elsewhere;
  readonly #tallies: SharedTallies;
  #addresses: readonly ListenerAddress[] = [];
  /** Told before there was a table for them. */
  readonly #earlyFailures: MainWords['login-failed']['given'][] = [];
  #place: Workplace | undefined;
  #prepared: Prepared | undefined;
  /** Resolves when the clients from before the last reload have gone. */
  #free: Promise<unknown> = Promise.resolve();

  constructor(port: Port, birth: WorkerBirth) {
    this.#birth = birth;
    this.#tallies = new SharedTallies(birth.tallies, birth.lane, birth.tallySeed, systemClock);
    const hearers: Hearers<MainWords> = {
      open: (given) => this.#open(given),
      prepare: (given) => this.#prepare(given),
      apply: ({ wanted }) => this.#apply(wanted),
      'until-free': () => this.#free.then(() => undefined),
      abandon: () => this.#abandon(),
      'login-failed': (failure) => {
        if (this.#place === undefined) this.#earlyFailures.push(failure);
        else this.#place.failures.note(failure);
      },
      drain: ({ patience }) => this.#drain(patience),
    };
    const line = new Line<WorkerWords, MainWords>(port, hearers, (text) => log.error({ text }, 'not told'));
    const log = remoteLogger(birth.logLevel, (said) => line.tell('log', said));
    this.#line = line;
    this.#log = log;
    this.#events = new RemoteEvents((told) => line.tell('event', told));
    const counters: Counters = {
      take: (requests) => line.ask('counters-take', requests),
      add: (requests) => line.ask('counters-add', requests),
    };
    const mailers: Mailers = {
      of: (plugin) => ({ send: (mail) => line.ask('own-mail', { plugin, mail }) }),
    };
    this.#elsewhere = { events: this.#events, counters, desk: new RemoteDesk(line), mailers };
  }

  /** A rejection that nobody waited for: the worker goes on. An exception ends it, and the main thread tells of that. */
  noteUncaught(error: unknown): void {
    this.#events.emit('error-uncaught', uncaught('rejection', error));
  }

  async #open({ wanted, failures, ...given }: MainWords['open']['given']): Promise<undefined> {
    this.#events.want(wanted);
    this.#addresses = given.addresses;
    const definition = await read(given);
    const place = this.#furnished(definition);
    place.failures.adoptAll(failures);
    const { arrangement, crew, doors } = place;
    arrangement.certificates.start();
    await crew.start(arrangement.house.fresh);
    await doors.open();
    arrangement.house.identity.listening(doors.addresses);
    this.#place = place;
    for (const failure of this.#earlyFailures.splice(0)) place.failures.note(failure);
    this.#tallies.beat();
    systemClock.every(BEAT, () => this.#tallies.beat());
    return undefined;
  }

  #furnished(definition: ResolvedDefinition): Workplace {
    const clock = systemClock;
    const chance = systemChance();
    const system = {
      clock,
      chance,
      logger: this.#log,
      identifiers: systemIdentifiers(clock, chance),
      resolver: new SystemResolver(definition.dns, clock),
    };
    const { limits, deadlines, folder } = definition;
    const failures = new FailureTable(limits, deadlines, {
      secret: this.#birth.loginSecret,
      tell: (failure) => this.#line.tell('login-failed', failure),
    });
    const surroundings = {
      system,
      failures,
      selfSignedFile: join(folder, SELF_SIGNED),
      ticketSecret: this.#birth.ticketSecret,
      certificateEvents: MUTE,
    };
    const arrangement = arrange(assembleReceiving(definition, system, this.#elsewhere), surroundings);
    const admission = new Admission(limits, this.#tallies);
    const doors = new Doors(arrangement.contexts, admission, system.identifiers, clock, (name, host) =>
      this.#portOf(name, host),
    );
    const crew = new Crew(this.#log);
    return { system, crew, admission, failures, doors, surroundings, arrangement };
  }

  #portOf(name: string, host: string): number | undefined {
    return this.#addresses.find((address) => address.name === name && address.host === host)?.port;
  }

  async #prepare({ addresses, ...given }: MainWords['prepare']['given']): Promise<undefined> {
    const { system, crew, doors, surroundings, arrangement } = this.#working();
    const definition = await read(given);
    const house = assembleReceiving(definition, system, this.#elsewhere, arrangement.house);
    const after = arrange(house, surroundings);
    this.#addresses = addresses;
    try {
      after.certificates.start();
      await crew.start(house.fresh);
      this.#prepared = { after, change: await doors.prepare(after) };
    } catch (error) {
      after.certificates.stop();
      crew.keepOnly(new Set(arrangement.house.fresh), Promise.resolve());
      throw error;
    }
    return undefined;
  }

  #apply(wanted: WantedEvents): undefined {
    const place = this.#working();
    const { after, change } = this.#prepared as Prepared;
    this.#prepared = undefined;
    const before = place.arrangement;
    const { definition, house } = after;
    place.arrangement = after;
    this.#events.want(wanted);
    place.admission.adopt(definition.limits);
    place.failures.adopt(definition.limits, definition.deadlines);
    const { free } = change.apply();
    before.certificates.stop();
    house.identity.listening(place.doors.addresses);
    place.crew.keepOnly(new Set(house.fresh), free);
    this.#free = free;
    return undefined;
  }

  #abandon(): void {
    const { crew, arrangement } = this.#working();
    this.#prepared?.change.abandon();
    this.#prepared?.after.certificates.stop();
    this.#prepared = undefined;
    crew.keepOnly(new Set(arrangement.house.fresh), Promise.resolve());
  }

  async #drain(patience: number): Promise<undefined> {
    const { doors, crew, arrangement } = this.#working();
    await doors.drain(patience);
    await crew.stop();
    arrangement.certificates.stop();
    return undefined;
  }

  #working(): Workplace {
    if (this.#place === undefined) throw new Error('the worker has no configuration yet');
    return this.#place;
  }
}

function read({ file, text }: GivenConfiguration): Promise<ResolvedDefinition> {
  return loadConfiguration(file, process.env, text);
}
