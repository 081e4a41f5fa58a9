// The receiving workers of a server: threads that listen on the same ports and hand over what they receive. One that
// dies is replaced; what its clients had no 250 for they send again. Not for: a worker's life (hand.ts).

import { randomBytes } from 'node:crypto';
import { PosthouseError, type Timer } from '../../contract/index.ts';
import type { FailureTable, Listener, ListenerAddress, LoginFailure } from '../../reception/index.ts';
import type { Arrangement } from '../arrangement.ts';
import type { House, ReceivingHouse, SystemServices } from '../assembly.ts';
import { hasSameAddress } from '../changes.ts';
import type { ResolvedDefinition } from '../definition.ts';
import type { Entrance, PreparedChange } from '../entrance.ts';
import type { ResolvedListener } from '../listener-definition.ts';
import { Hand } from './hand.ts';
import { probePort } from './probe-port.ts';
import { LOOK, LOOKS, Pulse } from './pulse.ts';
import { SharedTallies } from './shared-tallies.ts';
import type { GivenConfiguration, WorkerBirth } from './words.ts';

/** Milliseconds that a worker has to end after its last client. */
const GRACE = 5000;
/** Milliseconds before a successor begins, where workers die one after the other: the first pause, and the longest. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 30_000;
/** Octets. */
const TICKET_SECRET = 32;
/** A worker that has lived so long died of something new. */
const LONG_LIFE = 60_000;

/** How long a successor waits. @param before the pause before the one that died. Pure. */
export function pauseAfter(lived: number, before: number): number {
  if (lived >= LONG_LIFE) return 0;
  return before === 0 ? FIRST_PAUSE : Math.min(before * 2, LONGEST_PAUSE);
}

/** The place of one worker and its successors. */
interface Post {
  readonly lane: number;
  hand: Hand | undefined;
  pause: number;
  timer: Timer | undefined;
  readonly pulse: Pulse;
}

interface Employer {
  readonly house: House;
  readonly system: SystemServices;
  readonly failures: FailureTable;
}

export class Workforce implements Entrance {
  readonly listeners: readonly Listener[] = [];
  readonly #system: SystemServices;
  readonly #failures: FailureTable;
  readonly #birth: Omit<WorkerBirth, 'lane'>;
  readonly #tallies: SharedTallies;
  readonly #posts: readonly Post[];
  #house: House;
  #addresses: readonly ListenerAddress[] = [];
  #open = false;
  #stopping = false;
  #look: Timer | undefined;

  constructor({ house, system, failures }: Employer, loginSecret: Uint8Array) {
    const { workers } = house.definition;
    this.#house = house;
    this.#system = system;
    this.#failures = failures;
    const memory = SharedTallies.memory(workers);
    const tallySeed = randomBytes(4).readInt32LE();
    const ticketSecret = randomBytes(TICKET_SECRET);
    this.#birth = { tallies: memory, tallySeed, loginSecret, ticketSecret, logLevel: system.logger.level };
    this.#tallies = new SharedTallies(memory, 0, tallySeed, system.clock);
    this.#posts = Array.from({ length: workers }, (_, lane) => ({
      lane,
      hand: undefined,
      pause: 0,
      timer: undefined,
      pulse: new Pulse(),
    }));
  }

  get addresses(): readonly ListenerAddress[] {
    return this.#open ? this.#addresses : [];
  }

  get connections(): number {
    return this.#tallies.total;
  }

  async open(): Promise<void> {
    this.#addresses = await addressesFor(this.#house.definition.listeners, () => undefined);
    try {
      await Promise.all(this.#posts.map((post) => this.#fill(post)));
    } catch (error) {
      await this.#endAll();
      throw error;
    }
    this.#open = true;
    this.#look = this.#system.clock.every(LOOK, () => this.#lookAfterAll());
  }

  async prepare(after: Arrangement<ReceivingHouse>): Promise<PreparedChange> {
    const before = this.#house.definition.listeners;
    const { definition } = after;
    const addresses = await addressesFor(definition.listeners, (wanted) => {
      const index = before.findIndex((listener) => hasSameAddress(listener, wanted));
      return this.#addresses[index];
    });
    const configuration = configurationOf(definition);
    const hands = this.#posts.flatMap(({ hand }) => (hand?.configuration === undefined ? [] : [hand]));
    const abandon = (some: readonly Hand[]): void => {
      for (const { line } of some) line.tell('abandon', undefined);
    };
    const answers = await Promise.allSettled(
      hands.map(({ line }) => line.ask('prepare', { ...configuration, addresses })),
    );
    const refusal = answers.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
    if (refusal !== undefined) {
      abandon(hands.filter((_, index) => answers[index]?.status === 'fulfilled'));
      throw refusal.reason;
    }
    const isOld = (listener: ResolvedListener): boolean =>
      before.some((one) => hasSameAddress(one, listener));
    const stays = (listener: ResolvedListener): boolean =>
      definition.listeners.some((one) => hasSameAddress(one, listener));
    return {
      opened: definition.listeners.filter((listener) => !isOld(listener)).map(({ name }) => name),
      abandon: () => abandon(hands),
      apply: () => {
        this.#house = after.house as House;
        this.#addresses = addresses;
        const wanted = this.#house.events.wanted;
        const done = hands.map(async (hand) => {
          await hand.line.ask('apply', { wanted });
          hand.configuration = configuration;
        });
        const free = hands.map((hand, index) =>
          done[index]?.then(() => hand.line.ask('until-free', undefined)),
        );
        return {
          closed: before.filter((listener) => !stays(listener)).map(({ name }) => name),
          done: Promise.allSettled(done).then(() => this.#replaceOthers(configuration)),
          // A worker that dies meanwhile has no clients any more.
          free: Promise.allSettled(free),
        };
      },
    };
  }

  async drain(patience: number): Promise<void> {
    this.#stopping = true;
    this.#look?.stop();
    for (const { timer } of this.#posts) timer?.stop();
    await Promise.all(this.#posts.map(({ hand }) => hand && this.#drainOne(hand, patience)));
  }

  /** A login has failed in one of the workers, or here: the others learn of it. */
  loginFailed(failure: LoginFailure, from: Hand | undefined): void {
    this.#failures.note(failure);
    for (const { hand } of this.#posts)
      if (hand !== undefined && hand !== from) hand.line.tell('login-failed', failure);
  }

  async #drainOne(hand: Hand, patience: number): Promise<void> {
    // One that is still beginning has no clients.
    if (hand.configuration === undefined) return hand.end();
    await new Promise<void>((resolve) => {
      const late = this.#system.clock.after(patience + GRACE, resolve);
      const ended = (): void => {
        late.stop();
        resolve();
      };
      hand.line.ask('drain', { patience }).then(ended, ended);
    });
    await hand.end();
  }

  /** Gives the post a worker that listens. Rejects with why it does not; then the post is empty. */
  async #fill(post: Post): Promise<void> {
    const { clock, logger } = this.#system;
    const hand: Hand = new Hand(
      { ...this.#birth, lane: post.lane },
      {
        desk: () => this.#house.desk,
        counters: () => this.#house.counters,
        mailers: this.#house.outbox,
        events: this.#house.events,
        log: logger,
        loginFailed: (failure) => this.loginFailed(failure, hand),
      },
      clock.now(),
      (why) => this.#died(post, hand, why),
    );
    post.hand = hand;
    const configuration = configurationOf(this.#house.definition);
    try {
      await hand.line.ask('open', {
        ...configuration,
        addresses: this.#addresses,
        wanted: this.#house.events.wanted,
        failures: this.#failures.all,
      });
    } catch (error) {
      await hand.end();
      this.#tallies.clear(post.lane);
      if (post.hand === hand) post.hand = undefined;
      throw error;
    }
    hand.configuration = configuration;
    post.pulse.restart(this.#tallies.beatsOf(post.lane));
  }

  #died(post: Post, hand: Hand, why: string): void {
    const connections = this.#tallies.totalOf(post.lane);
    this.#tallies.clear(post.lane);
    // One that died in its first steps is whoever gave it the post's.
    if (hand.configuration === undefined || this.#stopping) return;
    post.hand = undefined;
    this.#succeed(post, this.#system.clock.now() - hand.since, why, connections);
  }

  /** A successor, after a pause where the one before did not live long. */
  #succeed(post: Post, lived: number, why: string, connections: number): void {
    const { clock } = this.#system;
    post.pause = pauseAfter(lived, post.pause);
    const worker = post.lane + 1;
    this.#house.events.emit('worker-died', { worker, why, connections, milliseconds: post.pause });
    const began = clock.now();
    post.timer = clock.after(post.pause, () => {
      post.timer = undefined;
      this.#fill(post).then(
        () => {
          if (this.#stopping) return;
          this.#house.events.emit('worker-replaced', { worker, milliseconds: clock.now() - began });
          this.#replaceOthers(configurationOf(this.#house.definition));
        },
        (error: unknown) => {
          if (this.#stopping) return;
          this.#succeed(post, 0, error instanceof Error ? error.message : String(error), 0);
        },
      );
    });
  }

  /** Those that began by an earlier configuration while a reload went on. */
  #replaceOthers({ text }: GivenConfiguration): void {
    for (const { hand } of this.#posts)
      if (hand?.configuration !== undefined && hand.configuration.text !== text)
        hand.kill('it began while the configuration was exchanged');
  }

  #lookAfterAll(): void {
    for (const { hand, lane, pulse } of this.#posts)
      if (hand?.configuration !== undefined && pulse.isLost(this.#tallies.beatsOf(lane)))
        hand.kill(`it gave no sign of life for ${(LOOK * LOOKS) / 1000} seconds`);
  }

  async #endAll(): Promise<void> {
    await Promise.all(this.#posts.map(({ hand }) => hand?.end()));
  }
}

function configurationOf({ file, text }: ResolvedDefinition): GivenConfiguration {
  if (file === undefined || text === undefined)
    throw new PosthouseError('config-invalid', 'workers need a configuration file');
  return { file, text };
}

/** The addresses of listeners, in their order: those that are known, and the others once it is clear that they are free. */
async function addressesFor(
  listeners: readonly ResolvedListener[],
  known: (listener: ResolvedListener) => ListenerAddress | undefined,
): Promise<readonly ListenerAddress[]> {
  const addresses: ListenerAddress[] = [];
  for (const listener of listeners) {
    const { name, host, port } = listener;
    addresses.push(known(listener) ?? { name, host, port: await probePort(name, host, port) });
  }
  return addresses;
}
