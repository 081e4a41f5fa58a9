// The events of a receiving worker: told to the main thread, where the log and the observers are, as far as anybody there
// wants to hear of them.

import type { EventName, EventSink, Events } from '../../contract/index.ts';
import type { WantedEvents, WorkerWords } from './words.ts';

export class RemoteEvents implements EventSink {
  readonly #tell: (told: WorkerWords['event']['given']) => void;
  #all: ReadonlySet<EventName> = new Set();
  #quiet: ReadonlySet<EventName> = new Set();

  constructor(tell: (told: WorkerWords['event']['given']) => void) {
    this.#tell = tell;
  }

  /** Somebody else listens from now on. */
  want({ all, quiet }: WantedEvents): void {
    this.#all = new Set(all);
    this.#quiet = new Set(quiet);
  }

  wants(event: EventName, quiet = false): boolean {
    return (quiet ? this.#quiet : this.#all).has(event);
  }

  emit<E extends EventName>(event: E, facts: Events[E]): void {
    if (this.#all.has(event)) this.#tell({ name: event, facts });
  }
}

/** Nobody listens: the main thread watches over the same certificates, and tells of them once for all. */
export const MUTE: EventSink = { wants: () => false, emit: () => {} };
