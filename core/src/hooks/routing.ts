// Which transport carries a recipient where: asks the on-deliver handlers for their claims, in plugin order.
// Not for: delivering, which is delivery/'s.

import type { Awaitable, ClaimContext, DeliverHandler, EventSink, Logger } from '../contract/index.ts';
import type { Mailbox } from '../smtp/index.ts';

/** A lane of the queue: the plugin that claimed the recipient, and the next hop in its words. */
export interface Route {
  readonly transport: string | null;
  readonly destination: string;
}

export const NO_ROUTE: Route = Object.freeze({ transport: null, destination: '' });

/** An on-deliver handler with the name of its plugin. */
export interface Transport {
  readonly plugin: string;
  readonly handler: DeliverHandler;
  readonly log: Logger;
}

export class Routing {
  #transports: readonly Transport[];
  #byName: ReadonlyMap<string, Transport>;
  readonly #events: EventSink;

  constructor(transports: readonly Transport[], events: EventSink) {
    this.#transports = transports;
    this.#byName = byName(transports);
    this.#events = events;
  }

  /** The names of the transports, in plugin order. */
  get names(): readonly string[] {
    return this.#transports.map(({ plugin }) => plugin);
  }

  /** From now on these carry the mail. Attempts that are under way end with the transport that they began with. */
  use(transports: readonly Transport[]): void {
    this.#transports = transports;
    this.#byName = byName(transports);
  }

  /** The transport of that name; undefined when the plugin has left the configuration since the item was queued. */
  transport(name: string): Transport | undefined {
    return this.#byName.get(name);
  }

  /**
   * The first claim, or NO_ROUTE. A claim that throws claims nothing and ends the asking: a later plugin must not
   * carry off what an earlier one would have taken, so the recipient waits without a route and is asked for again.
   */
  route(recipient: Mailbox, about: ClaimContext): Awaitable<Route> {
    return this.#routeFrom(0, recipient, about);
  }

  #routeFrom(start: number, recipient: Mailbox, about: ClaimContext): Awaitable<Route> {
    for (let index = start; index < this.#transports.length; index++) {
      const { plugin, handler } = this.#transports[index] as Transport;
      try {
        const claimed = handler.claim(recipient, about);
        if (
          claimed instanceof Promise ||
          typeof (claimed as PromiseLike<unknown> | undefined)?.then === 'function'
        ) {
          return this.#continueRoute(claimed as Promise<string | undefined>, index, recipient, about);
        }
        if (claimed !== undefined) return this.#checked(plugin, claimed);
      } catch (error) {
        return this.#failed(plugin, 'threw', error);
      }
    }
    return NO_ROUTE;
  }

  async #continueRoute(
    pending: Promise<string | undefined>,
    index: number,
    recipient: Mailbox,
    about: ClaimContext,
  ): Promise<Route> {
    const { plugin } = this.#transports[index] as Transport;
    let claimed: string | undefined;
    try {
      claimed = await pending;
    } catch (error) {
      return this.#failed(plugin, 'threw', error);
    }
    if (claimed !== undefined) return this.#checked(plugin, claimed);
    return this.#routeFrom(index + 1, recipient, about);
  }

  #checked(plugin: string, claimed: unknown): Route {
    if (typeof claimed === 'string') return { transport: plugin, destination: claimed };
    return this.#failed(
      plugin,
      'illegal-answer',
      `claim returned ${typeof claimed}, expected a string or undefined`,
    );
  }

  #failed(plugin: string, problem: 'threw' | 'illegal-answer', error: unknown): Route {
    this.#events.emit('handler-failed', {
      hook: 'on-deliver',
      plugin,
      problem,
      error: error instanceof Error ? error.message : String(error),
      milliseconds: 0,
    });
    return NO_ROUTE;
  }
}

function byName(transports: readonly Transport[]): ReadonlyMap<string, Transport> {
  return new Map(transports.map((transport) => [transport.plugin, transport]));
}

/** Recipients grouped by route, in the order in which the routes first appear. */
export function groupByRoute<R>(
  recipients: readonly R[],
  routes: readonly Route[],
): readonly { readonly route: Route; readonly recipients: readonly R[] }[] {
  const groups = new Map<string, { route: Route; recipients: R[] }>();
  recipients.forEach((recipient, index) => {
    const route = routes[index] as Route;
    const key = `${route.transport ?? ''} ${route.destination}`;
    const group = groups.get(key);
    if (group) group.recipients.push(recipient);
    else groups.set(key, { route, recipients: [recipient] });
  });
  return [...groups.values()];
}
