// Where the recipients of a queued message would go, found out without sending anything: transports that only name
// outcomes are asked for them, and redirections are followed. Not for: deliveries, which are the courier's.

import {
  type DeliverySettings,
  type Identifiers,
  type Logger,
  Outcome,
  type QueuedRecipient,
  type QueueEntry,
} from '../contract/index.ts';
import type { Routing } from '../hooks/index.ts';
import { Attempt, type AttemptServices } from './attempt.ts';
import { Journal } from './journal.ts';
import { replacements } from './redirection.ts';
import { redirectedItems } from './reroute.ts';
import { recordFor } from './stored-message.ts';

/** A recipient, who would carry the mail for it, and where it would go on to. */
export interface Leg {
  readonly recipient: string;
  /** null: no transport claims it, and it would wait. */
  readonly transport: string | null;
  readonly destination: string;
  /** What a transport answers that sends nothing; undefined where the mail would leave the queue here. */
  readonly outcome?: Outcome;
  /** After a redirection. */
  readonly next: readonly Leg[];
}

export interface ItineraryServices
  extends Omit<AttemptServices, 'journal' | 'messagesPerConnection' | 'shared' | 'join'> {
  readonly routing: Routing;
  readonly identifiers: Identifiers;
  readonly settings: DeliverySettings;
  readonly log: Logger;
}

/** Nobody else delivers: no lane has to wait for another. */
const ALONE: Pick<AttemptServices, 'messagesPerConnection' | 'shared' | 'join'> = {
  messagesPerConnection: () => undefined,
  shared: () => undefined,
  join: () => true,
};

/** Rejects where a redirection names what is no address. */
export async function itineraryOf(
  { item, message }: QueueEntry,
  services: ItineraryServices,
): Promise<readonly Leg[]> {
  const { routing, clock, settings, identifiers, store, log } = services;
  const end = ({ address }: QueuedRecipient): Leg => ({
    recipient: address,
    transport: item.transport,
    destination: item.destination,
    next: [],
  });
  const transport = item.transport === null ? undefined : routing.transport(item.transport);
  if (item.state === 'held' || transport?.handler.sendsNothing !== true) return item.recipients.map(end);

  const now = clock.now();
  const record = recordFor(message, item.recipients);
  const journal = new Journal(store, clock, log);
  const attempt = new Attempt(
    { item, message: record, body: undefined },
    transport,
    { ...services, ...ALONE, journal },
    now,
  );
  const outcomes = await attempt.run(transport.handler.timeout ?? settings.attemptTimeout);
  return Promise.all(
    item.recipients.map(async (recipient, index): Promise<Leg> => {
      const outcome = outcomes[index] as Outcome;
      if (outcome.kind !== 'redirected') return { ...end(recipient), outcome };
      const { recipients, told } = replacements(recipient, outcome, item.transport, settings.redirects);
      if (told?.action === 'failed')
        return { ...end(recipient), outcome: Outcome.failed('5.4.6', told.text) };
      const items = await redirectedItems(item, message, recipients, now, routing, identifiers);
      const next = await Promise.all(items.map((each) => itineraryOf({ item: each, message }, services)));
      return { ...end(recipient), outcome, next: next.flat() };
    }),
  );
}
