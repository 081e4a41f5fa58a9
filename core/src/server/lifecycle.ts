// Starting in order and stopping in reverse: whatever was started is stopped again, also when a later start fails.

import { type Logger, PosthouseError } from '../contract/index.ts';
import { codeTrouble } from './code-trouble.ts';

export interface Startable {
  readonly name: string;
  start(): Promise<void> | void;
  stop(): Promise<void> | void;
}

export class Lifecycle {
  readonly #log: Logger;
  readonly #running: Startable[] = [];

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Rejects with what the failing part threw, when all that had been started is stopped again. */
  async start(parts: readonly Startable[]): Promise<void> {
    for (const part of parts) {
      try {
        await part.start();
        this.#running.push(part);
      } catch (error) {
        await this.stop();
        if (error instanceof PosthouseError) throw error;
        const text = `${part.name} could not start: ${codeTrouble(error)}`;
        throw new PosthouseError('plugin-start-failed', text, { cause: error });
      }
    }
  }

  /** Stops in reverse. A part that fails to stop keeps no other from stopping. */
  async stop(): Promise<void> {
    for (let part = this.#running.pop(); part !== undefined; part = this.#running.pop()) {
      try {
        await part.stop();
      } catch (error) {
        this.#log.error(
          { part: part.name, error: error instanceof Error ? error.message : String(error) },
          'stopping failed',
        );
      }
    }
  }
}
