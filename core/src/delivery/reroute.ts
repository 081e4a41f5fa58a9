// New ways for recipients that are in the queue already: claimed anew when their transport has gone or none claimed
// them before, and claimed for the first time when a redirection names them.

import type { Identifiers, MessageRecord, QueuedRecipient, QueueItem } from '../contract/index.ts';
import { groupByRoute, type Route, type Routing } from '../hooks/index.ts';
import { mailbox } from '../smtp/index.ts';
import { notesOf, recordFor, senderOf } from './stored-message.ts';

type Group = { readonly route: Route; readonly recipients: readonly QueuedRecipient[] };

/** The item's recipients by the routes that they have now. Rejects when one of them cannot be read. */
export async function routesOf(
  recipients: readonly QueuedRecipient[],
  message: Pick<MessageRecord, 'sender' | 'notes'>,
  routing: Pick<Routing, 'route'>,
): Promise<readonly Group[]> {
  const about = { sender: senderOf(message), notes: notesOf(message) };
  const routes = await Promise.all(
    recipients.map(({ address, redirectedBy = [] }) =>
      routing.route(mailbox(address), { ...about, redirectedBy }),
    ),
  );
  return groupByRoute(recipients, routes);
}

/** The item in the lanes of its new routes: itself in the first, and new ones for the others. */
export function splitItem(
  item: QueueItem,
  groups: readonly Group[],
  identifiers: Identifiers,
): { readonly first: QueueItem; readonly others: readonly QueueItem[] } {
  const items = groups.map(({ route, recipients }, index): QueueItem => {
    const { transport, destination } = route;
    const id = index === 0 ? item.id : identifiers.next();
    return { ...item, id, transport, destination, recipients, reason: reasonOf(item, route) };
  });
  return { first: items[0] as QueueItem, others: items.slice(1) };
}

/** The items of redirected recipients, due at once. They expire with the item that they replace. */
export async function redirectedItems(
  item: QueueItem,
  message: MessageRecord,
  redirected: readonly QueuedRecipient[],
  now: number,
  routing: Pick<Routing, 'route'>,
  identifiers: Identifiers,
): Promise<readonly QueueItem[]> {
  const groups = await Promise.all(
    bySender(redirected).map((recipients) => routesOf(recipients, recordFor(message, recipients), routing)),
  );
  return groups.flat().map(
    ({ route: { transport, destination }, recipients }): QueueItem => ({
      id: identifiers.next(),
      message: message.id,
      transport,
      destination,
      recipients,
      state: 'waiting',
      reason: transport === null ? { kind: 'no-route' } : { kind: 'fresh' },
      attempts: 0,
      due: now,
      expires: item.expires,
      ...(item.delayWarned && { delayWarned: true }),
      ...(item.priority && { priority: item.priority }),
    }),
  );
}

/** A redirection may change the sender, and an item has one. */
function bySender(recipients: readonly QueuedRecipient[]): readonly (readonly QueuedRecipient[])[] {
  const groups = new Map<string | undefined, QueuedRecipient[]>();
  for (const recipient of recipients) {
    const group = groups.get(recipient.sender);
    if (group === undefined) groups.set(recipient.sender, [recipient]);
    else group.push(recipient);
  }
  return [...groups.values()];
}

function reasonOf({ reason }: QueueItem, { transport }: Route): QueueItem['reason'] {
  if (transport === null) return { kind: 'no-route' };
  return reason.kind === 'no-route' ? { kind: 'fresh' } : reason;
}
