// What edits change around a message that is kept: recipients that join it, another sender, its priority. Pure.

import type { Priority, Recipient } from '../contract/index.ts';
import type { Edit, Ruling } from '../hooks/index.ts';
import type { ReversePath } from '../smtp/index.ts';
import { dispositionOf, type Fate } from './disposition.ts';

export type Fated = { readonly recipient: Recipient; readonly fate: Fate };

/**
 * The recipients that edits add, with what the ruling of the whole message makes of them. None that is among those that
 * are queued anyway, and none where every recipient is refused: the client will come again.
 */
export function addedRecipients(
  edits: readonly Edit[],
  fates: readonly Fated[],
  ruling: Ruling,
): readonly Fated[] {
  if (!edits.some(({ kind }) => kind === 'recipient')) return [];
  if (fates.every(({ fate }) => fate.kind === 'refuse')) return [];
  const known = new Set(
    fates.flatMap(({ recipient, fate }) => (fate.kind === 'queue' ? recipient.address.toString() : [])),
  );
  const added: Recipient[] = [];
  for (const edit of edits) {
    if (edit.kind !== 'recipient' || known.has(edit.recipient.toString())) continue;
    known.add(edit.recipient.toString());
    added.push({ address: edit.recipient, parameters: {} });
  }
  const disposition = dispositionOf(added, ruling, undefined, false);
  return disposition.kind === 'keep' ? disposition.fates.filter(({ fate }) => fate.kind !== 'drop') : [];
}

/** The last word of the edits, or what the listener says. */
export function editedPriority(edits: readonly Edit[], priority: Priority | undefined): Priority | undefined {
  return edits.findLast((edit) => edit.kind === 'priority')?.priority ?? priority;
}

/** The last word of the edits, or the sender of MAIL. */
export function editedSender(edits: readonly Edit[], sender: ReversePath): ReversePath {
  const last = edits.findLast((edit) => edit.kind === 'sender');
  return last === undefined ? sender : last.sender;
}
