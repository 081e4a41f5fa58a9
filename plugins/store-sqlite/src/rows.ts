// How items and messages look in the tables, and what makes a row unreadable.
// Not for: SQL. What is selected or ordered by stands in columns, everything else is JSON.

import type { MessageRecord, QueueChange, QueueEntry, QueueItem } from '@posthouse/core';

/** Values in the order of the columns: id, message, transport, destination, state, due, rest. */
export type ItemRow = readonly [string, string, string, string, number, number, string];

export interface MessageRow {
  readonly id: string;
  readonly record: string;
  /** Octets of the body. */
  readonly size: number;
  /** The body's file, where it is not inline. */
  readonly file: string | null;
  readonly body: Uint8Array | null;
  readonly leaseUntil: number | null;
  readonly items: readonly ItemRow[];
}

/** A QueueChange as the engine executes it: nothing but values that a thread can be sent. */
export interface ChangeRows {
  readonly put: readonly MessageRow[];
  readonly add: readonly ItemRow[];
  readonly update: readonly ItemRow[];
  readonly progress: readonly ItemRow[];
  /** Id and message. */
  readonly remove: readonly (readonly [string, string])[];
  /** Transport, destination and since when. */
  readonly suspend: readonly (readonly [string, string, number])[];
  /** Transport and destination. */
  readonly resume: readonly (readonly [string, string])[];
  /** Roughly what the change writes, in octets. */
  readonly weight: number;
  /** Nobody waits for it to be durable. */
  readonly onlyRemoves: boolean;
}

/** The body of a new message, on its way into a row. */
export type BodyPlace = Pick<MessageRow, 'size' | 'file' | 'body'>;

export const WAITING = 0;
export const HELD = 1;

/** What a lane is called in the tables: SQL's NULL equals nothing, so no transport is the empty name. */
export const transportName = (transport: string | null): string => transport ?? '';

const ROW_WEIGHT = 512;

export function encodeChange(change: QueueChange, places: readonly BodyPlace[]): ChangeRows {
  const put = (change.put ?? NONE).map(({ message, items, leaseUntil }, index): MessageRow => {
    const { size, file, body } = places[index] as BodyPlace;
    const record = JSON.stringify(message);
    return {
      id: message.id,
      record,
      size,
      file,
      body,
      leaseUntil: leaseUntil ?? null,
      items: items.map(encodeItem),
    };
  });
  const add = (change.add ?? NONE).map(encodeItem);
  const update = (change.update ?? NONE).map(encodeItem);
  const progress = (change.progress ?? NONE).map(encodeItem);
  const remove = (change.remove ?? NONE).map(({ id, message }) => [id, message] as const);
  let weight = ROW_WEIGHT * (add.length + update.length + progress.length + remove.length);
  for (const { record, body, items } of put) {
    weight += record.length + (body?.length ?? 0) + ROW_WEIGHT * (1 + items.length);
  }
  const suspend = (change.suspend ?? NONE).map(
    ({ transport, destination, since }) => [transportName(transport), destination, since] as const,
  );
  const resume = (change.resume ?? NONE).map(
    ({ transport, destination }) => [transportName(transport), destination] as const,
  );
  const others = add.length + update.length + progress.length + suspend.length + resume.length;
  const onlyRemoves = put.length + others === 0;
  return { put, add, update, progress, remove, suspend, resume, weight, onlyRemoves };
}
const NONE: readonly never[] = [];

export function encodeItem(item: QueueItem): ItemRow {
  const { id, message, transport, destination, state, due, ...rest } = item;
  const name = transportName(transport);
  return [id, message, name, destination, state === 'held' ? HELD : WAITING, due, JSON.stringify(rest)];
}

/** An item with its message, as the engine's queries give them; the message's columns are null when it is gone. */
export interface EntryRow {
  readonly id: string;
  readonly message: string;
  readonly transport: string;
  readonly destination: string;
  readonly state: number;
  readonly due: number;
  readonly rest: string;
  readonly record: string | null;
  readonly size: number | null;
  readonly file: string | null;
  /** Octets of the inline body. */
  readonly inline: number | null;
}

export const ENTRY_COLUMNS = `item.id, item.message, item.transport, item.destination, item.state, item.due, item.rest,
  message.record, message.size, message.file, length(message.body) AS inline`;

/** @param fileSize the octets of a body's file, undefined when it is gone. */
export function decodeEntry(
  row: EntryRow,
  fileSize: (file: string) => number | undefined,
): { readonly entry: QueueEntry } | { readonly damage: string } {
  if (row.record === null) return { damage: 'its message is gone' };
  const item = decodeItem(row);
  if (item === undefined) return { damage: 'the item is not readable' };
  const message = decodeRecord(row.record, row.message);
  if (message === undefined) return { damage: 'the message record is not readable' };
  const found = row.file === null ? (row.inline ?? 0) : fileSize(row.file);
  if (found === undefined) return { damage: `the file of its body is gone: ${row.file}` };
  if (found !== row.size) return { damage: `its body has ${found} octets, not ${row.size}` };
  return { entry: { item, message } };
}

function decodeItem(row: EntryRow): QueueItem | undefined {
  const { id, message, transport, destination, due } = row;
  const rest = parse(row.rest) as Partial<QueueItem> | undefined;
  const readable =
    Array.isArray(rest?.recipients) &&
    rest.recipients.length > 0 &&
    rest.recipients.every(
      (recipient: unknown) => typeof (recipient as { address?: unknown } | null)?.address === 'string',
    ) &&
    typeof rest.reason?.kind === 'string' &&
    typeof rest.attempts === 'number' &&
    typeof rest.expires === 'number';
  if (!readable) return undefined;
  const state = row.state === HELD ? 'held' : 'waiting';
  return {
    id,
    message,
    transport: transport === '' ? null : transport,
    destination,
    state,
    due,
    ...rest,
  } as QueueItem;
}

function decodeRecord(text: string, id: string): MessageRecord | undefined {
  const record = parse(text) as Partial<MessageRecord> | undefined;
  const readable =
    record?.id === id &&
    typeof record.sender === 'string' &&
    typeof record.head === 'string' &&
    typeof record.arrivedAt === 'number' &&
    typeof record.size === 'number' &&
    isObject(record.parameters) &&
    isObject(record.origin) &&
    isObject(record.notes);
  return readable ? (record as MessageRecord) : undefined;
}

function parse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
