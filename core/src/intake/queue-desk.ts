// The commit beside the queue: the split of a message by destination, one atomic change of the queue, and the scheduler's
// first look at what is fresh.

import { inject, injectable } from 'inversify';
import {
  DeliverySettings,
  EventSink,
  Identifiers,
  type MessageDraft,
  type QueuedRecipient,
  type QueueItem,
  QueueStore,
  type Recipient,
} from '../contract/index.ts';
import { Scheduler } from '../delivery/index.ts';
import { groupByRoute, type Route, Routing } from '../hooks/index.ts';
import { releaseTime } from '../smtp/index.ts';
import type { CommitDesk, ReadyMessage } from './commit-desk.ts';

@injectable()
export class QueueDesk implements CommitDesk {
  readonly #store: QueueStore;
  readonly #routing: Routing;
  readonly #scheduler: Scheduler;
  readonly #identifiers: Identifiers;
  readonly #events: EventSink;
  readonly #delivery: DeliverySettings;

  constructor(
    @inject(QueueStore) store: QueueStore,
    @inject(Routing) routing: Routing,
    @inject(Scheduler) scheduler: Scheduler,
    @inject(Identifiers) identifiers: Identifiers,
    @inject(EventSink) events: EventSink,
    @inject(DeliverySettings) delivery: DeliverySettings,
  ) {
    this.#store = store;
    this.#routing = routing;
    this.#scheduler = scheduler;
    this.#identifiers = identifiers;
    this.#events = events;
    this.#delivery = delivery;
  }

  draft(): MessageDraft {
    return this.#store.draft();
  }

  async commit(ready: ReadyMessage): Promise<void> {
    const { record, body } = ready;
    const items = await this.#itemsFor(ready);
    const isDue = items.every(({ due }) => due <= record.arrivedAt);
    const atOnce = isDue && this.#scheduler.admits(items, record.size);
    const leaseUntil = atOnce ? this.#scheduler.leaseUntil() : undefined;
    await this.#store.commit({ put: [{ message: record, body, items, leaseUntil }] });
    this.#announce(ready, items);
    if (atOnce) this.#scheduler.offer(record, body, items);
    else this.#scheduler.wake();
  }

  async #itemsFor({
    record,
    kept,
    about,
    expireAfter = this.#delivery.expireAfter,
    priority = 'normal',
  }: ReadyMessage): Promise<QueueItem[]> {
    const items: QueueItem[] = [];
    const routed: Recipient[] = [];
    const routes: Route[] = [];
    const now = record.arrivedAt;
    // RFC 4865 §5: its time begins when it is released.
    const due = releaseTime(record.parameters, now);
    const common = {
      message: record.id,
      attempts: 0,
      due,
      expires: due + expireAfter,
      ...(priority !== 'normal' && { priority }),
    } as const;
    for (const { recipient, fate } of kept) {
      if (fate.kind === 'queue') {
        const route = this.#routing.route(recipient.address, about);
        routed.push(recipient);
        routes.push(route instanceof Promise ? await route : route);
      } else if (fate.kind === 'hold') {
        const reason = { kind: 'quarantined', plugin: fate.plugin, text: fate.text } as const;
        const until = now + this.#delivery.quarantineFor;
        items.push({ ...common, ...this.#unrouted(recipient), state: 'held', reason, expires: until });
      } else if (fate.kind === 'bounce') {
        const { status, text } = fate.verdict;
        const reason = { kind: 'refused', plugin: fate.plugin, status, text } as const;
        items.push({ ...common, ...this.#unrouted(recipient), due: now, state: 'waiting', reason });
      }
    }
    for (const { route, recipients } of groupByRoute(routed, routes)) {
      items.push({
        id: this.#identifiers.next(),
        transport: route.transport,
        destination: route.destination,
        recipients: recipients.map(queued),
        state: 'waiting',
        reason: route.transport === null ? { kind: 'no-route' } : { kind: 'fresh' },
        ...common,
      });
    }
    return items;
  }

  #unrouted(recipient: Recipient): Pick<QueueItem, 'id' | 'transport' | 'destination' | 'recipients'> {
    return {
      id: this.#identifiers.next(),
      transport: null,
      destination: '',
      recipients: [queued(recipient)],
    };
  }

  #announce({ record, recipients, kept }: ReadyMessage, items: readonly QueueItem[]): void {
    if (!this.#events.wants('message-queued')) return;
    const { session, plugin } = record.origin;
    const named = new Set(recipients.map(({ address }) => address.toString()));
    for (const { recipient } of kept) named.add(recipient.address.toString());
    this.#events.emit('message-queued', {
      session,
      ...(plugin !== undefined && { plugin }),
      message: record.id,
      sender: record.sender,
      recipients: [...named],
      size: record.size,
      held: items.some(({ state }) => state === 'held'),
    });
  }
}

function queued({ address, parameters }: Recipient): QueuedRecipient {
  const plain = parameters.notify === undefined && parameters.orcpt === undefined;
  return plain ? { address: address.toString() } : { address: address.toString(), parameters };
}
