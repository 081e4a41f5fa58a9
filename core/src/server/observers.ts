// Where events go: one log line each, with the same field names, and whoever observes. Observers cannot answer,
// and their errors reach neither the message nor each other.

import type { EventName, EventSink, Events, Logger, Observers } from '../contract/index.ts';

type Level = 'debug' | 'info' | 'warn' | 'error';

/** How loud each event is by itself. */
const LEVELS: { readonly [E in EventName]: Level | ((facts: Events[E]) => Level) } = {
  'connection-opened': 'debug',
  'connection-closed': 'info',
  'connections-refused': 'warn',
  'client-introduced': 'info',
  'tls-established': 'info',
  'tls-failed': 'info',
  // What lets mail through is the rule; what stops it is what an administrator looks for.
  'verdict-given': ({ verdict }) => (verdict === 'accept' || verdict === 'continue' ? 'debug' : 'info'),
  'handler-failed': 'error',
  'authentication-succeeded': 'info',
  'authentication-failed': 'info',
  'authenticator-failed': 'error',
  'message-authenticated': ({ dmarc }) => (dmarc.result === 'fail' ? 'info' : 'debug'),
  'command-refused': 'info',
  'message-queued': 'info',
  'message-discarded': 'info',
  'attempt-started': 'debug',
  'attempt-finished': 'debug',
  'destination-rested': 'info',
  'destination-recovered': 'info',
  'destination-suspended': 'info',
  'destination-resumed': 'info',
  'item-without-next-action': 'error',
  'queue-swept': 'debug',
  'exchange-finished': 'debug',
  'tls-attempted': 'debug',
  'recipient-settled': 'info',
  'notice-queued': 'info',
  'notice-dropped': 'warn',
  'queue-changed': 'info',
  'quarantine-expired': 'info',
  'feedback-received': 'info',
  'entry-damaged': 'error',
  'certificates-loaded': ({ selfSigned }) => (selfSigned ? 'warn' : 'info'),
  'certificates-refused': 'error',
  'certificate-expiring': ({ expired }) => (expired ? 'error' : 'warn'),
  'configuration-reloaded': 'info',
  'configuration-refused': 'error',
  'error-uncaught': 'error',
  'worker-died': 'error',
  'worker-replaced': 'info',
  'server-started': 'info',
  'server-draining': 'info',
  'server-stopped': 'info',
};

const WEIGHT: Readonly<Record<string, number>> = {
  trace: 10,
  debug: 20,
  info: 30,
  warn: 40,
  error: 50,
  fatal: 60,
  silent: 99,
};

interface Observer {
  readonly plugin: string;
  readonly observe: Observers;
}

export class ObserverHub implements EventSink {
  readonly #log: Logger;
  readonly #threshold: number;
  readonly #listeners = new Map<EventName, { plugin: string; tell: (facts: never) => void }[]>();
  /** Compiled once: asking is on the way of every message. */
  #wanted: ReadonlySet<EventName>;
  /** Those that are wanted also where they tell that all is as usual. */
  #wantedQuiet: ReadonlySet<EventName>;

  constructor(log: Logger) {
    this.#log = log;
    this.#threshold = WEIGHT[log.level] ?? 30;
    this.#wanted = this.#compile('info');
    this.#wantedQuiet = this.#compile('debug');
  }

  /** From now on these are told, and nobody else. */
  observe(observers: readonly Observer[]): void {
    this.#listeners.clear();
    for (const { plugin, observe } of observers) {
      for (const [event, tell] of Object.entries(observe) as [EventName, (facts: never) => void][]) {
        const listeners = this.#listeners.get(event) ?? [];
        listeners.push({ plugin, tell });
        this.#listeners.set(event, listeners);
      }
    }
    this.#wanted = this.#compile('info');
    this.#wantedQuiet = this.#compile('debug');
  }

  /** The events for which `wants` says yes now: for hubs in other threads. */
  get wanted(): { readonly all: readonly EventName[]; readonly quiet: readonly EventName[] } {
    return { all: [...this.#wanted], quiet: [...this.#wantedQuiet] };
  }

  wants(event: EventName, quiet = false): boolean {
    return (quiet ? this.#wantedQuiet : this.#wanted).has(event);
  }

  emit<E extends EventName>(event: E, facts: Events[E]): void {
    if (!this.#wanted.has(event)) return;
    const loudness: Level | ((facts: Events[E]) => Level) = LEVELS[event];
    const level: Level = typeof loudness === 'function' ? loudness(facts) : loudness;
    if (weightOf(level) >= this.#threshold) this.#log[level](facts, event);
    const listeners = this.#listeners.get(event);
    if (listeners !== undefined) this.#tell(event, listeners, facts);
  }

  #tell<E extends EventName>(
    event: E,
    listeners: readonly { plugin: string; tell: (facts: never) => void }[],
    facts: Events[E],
  ): void {
    for (const { plugin, tell } of listeners) {
      try {
        tell(facts as never);
      } catch (error) {
        this.#log.error(
          { plugin, event, error: error instanceof Error ? error.message : String(error) },
          'observer failed',
        );
      }
    }
  }

  /** @param varying the loudness of events whose loudness depends on their facts */
  #compile(varying: Level): ReadonlySet<EventName> {
    const wanted = new Set<EventName>(this.#listeners.keys());
    for (const [event, level] of Object.entries(LEVELS) as [EventName, Level | (() => Level)][]) {
      if (weightOf(typeof level === 'function' ? varying : level) >= this.#threshold) wanted.add(event);
    }
    return wanted;
  }
}

function weightOf(level: Level): number {
  return WEIGHT[level] as number;
}
