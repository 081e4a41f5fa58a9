// Asks the transports again who carries what is already in the queue, in bounded time: a claim that hangs must not
// keep an item from its next step. Not for: what a claim means, which is hooks/routing.ts.

import type { Awaitable, ClaimContext, Clock, Logger } from '../contract/index.ts';
import { NO_ROUTE, type Route, type Routing } from '../hooks/index.ts';
import type { Mailbox } from '../smtp/index.ts';

/** Milliseconds for the claims of one recipient. */
export const CLAIM_TIMEOUT = 30_000;

export class Claims {
  readonly #routing: Routing;
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(routing: Routing, clock: Clock, log: Logger) {
    this.#routing = routing;
    this.#clock = clock;
    this.#log = log;
  }

  /** Never rejects; NO_ROUTE when the time is up. */
  route(recipient: Mailbox, about: ClaimContext): Awaitable<Route> {
    const route = this.#routing.route(recipient, about);
    if (!(route instanceof Promise)) return route;
    return new Promise((resolve) => {
      const end = (claimed: Route): void => {
        timer.stop();
        resolve(claimed);
      };
      const timer = this.#clock.after(CLAIM_TIMEOUT, () => {
        this.#log.warn({ recipient: recipient.toString() }, 'claim took too long');
        resolve(NO_ROUTE);
      });
      route.then(end, () => end(NO_ROUTE));
    });
  }
}
