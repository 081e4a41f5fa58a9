// What comes in over the control socket, read: filters, selections, acts. Whatever is not understood is a BadRequest,
// and nothing is done.

import type { IncomingMessage } from 'node:http';
import { type QueueFilter, queueStates, waitReasons } from '../contract/index.ts';
import type { QueueAct } from '../delivery/index.ts';

/** Octets of a request; a thousand ids fit in. */
const MAX_BODY = 65_536;
export const MAX_PAGE = 1000;
const MAX_DESTINATION = 1000;
/** Items that an act by filter changes without `all`. */
export const MOST_WITHOUT_ALL = 1000;
/** Characters of the words for a sender; of a next hop. */
const MAX_TEXT = 500;

const FILTER_KEYS = [
  'message',
  'item',
  'transport',
  'destination',
  'state',
  'reason',
  'sender',
  'recipient',
] as const;
const TIMES = ['arrivedBefore', 'arrivedAfter'];

export class BadRequest extends Error {
  readonly status: number;

  constructor(text: string, status = 400) {
    super(text);
    this.status = status;
  }
}

/** What an act is to be done to, and whether it is to be done at all. */
export interface ActRequest {
  readonly act: QueueAct;
  /** Of items or messages; undefined where the filter selects. */
  readonly ids: readonly string[] | undefined;
  readonly filter: QueueFilter;
  readonly most: number;
  readonly dryRun: boolean;
}

export function filterOf(given: Readonly<Record<string, unknown>>): QueueFilter {
  const filter: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given)) {
    if (TIMES.includes(key)) filter[key] = timeOf(key, value);
    else if (!(FILTER_KEYS as readonly string[]).includes(key))
      throw new BadRequest(`the queue cannot be filtered by ${key}`);
    else if (typeof value !== 'string') throw new BadRequest(`${key} must be a string`);
    else filter[key] = value;
  }
  const { state, reason } = filter as QueueFilter;
  if (state !== undefined && !queueStates.includes(state))
    throw new BadRequest(`state must be one of ${queueStates.join(', ')}`);
  if (reason !== undefined && !waitReasons.includes(reason))
    throw new BadRequest(`reason must be one of ${waitReasons.join(', ')}`);
  return filter as QueueFilter;
}

export function limitOf(value: string | undefined): number {
  const limit = value === undefined ? 100 : Number(value);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE)
    throw new BadRequest(`limit must be 1 to ${MAX_PAGE}`);
  return limit;
}

/** @param name of the act; undefined is returned where there is none such */
export function actRequestOf(name: string, body: unknown): ActRequest | undefined {
  const given = objectOf(body);
  const act = actOf(name, given);
  if (act === undefined) return undefined;
  const { ids, filter = {}, all, dryRun } = given;
  if (all !== undefined && typeof all !== 'boolean') throw new BadRequest('all must be true or false');
  if (dryRun !== undefined && typeof dryRun !== 'boolean')
    throw new BadRequest('dryRun must be true or false');
  if (typeof filter !== 'object' || filter === null) throw new BadRequest('filter must be an object');
  const read = filterOf(filter as Record<string, unknown>);
  const filtered = Object.keys(read).length > 0;
  if (ids !== undefined) {
    if (!Array.isArray(ids) || !ids.every((id) => typeof id === 'string'))
      throw new BadRequest('ids must be a list of ids');
    if (filtered || all === true) throw new BadRequest('ids go without a filter and without all');
  } else if (!filtered && all !== true)
    // A forgotten filter must not empty the queue.
    throw new BadRequest('the body must have a list of ids, a filter that is not empty, or all: true');
  return {
    act,
    ids,
    filter: read,
    most: all === true ? Number.POSITIVE_INFINITY : MOST_WITHOUT_ALL,
    dryRun: dryRun === true,
  };
}

function actOf(name: string, given: Readonly<Record<string, unknown>>): QueueAct | undefined {
  switch (name) {
    case 'hold':
    case 'release':
    case 'retry':
    case 'drop':
      return { do: name };
    case 'bounce': {
      const text = textOf('text', given.text);
      return { do: 'bounce', ...(text !== undefined && { text }) };
    }
    case 'reroute': {
      const destination = textOf('destination', given.destination);
      const transport = textOf('transport', given.transport);
      if (given.anew === true && destination === undefined && transport === undefined)
        return { do: 'reroute', anew: true };
      if (destination === undefined || given.anew !== undefined)
        throw new BadRequest('reroute takes a destination, or anew: true');
      return { do: 'reroute', destination, ...(transport !== undefined && { transport }) };
    }
    default:
      return undefined;
  }
}

function textOf(key: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value === '' || value.length > MAX_TEXT || /\p{Cc}/u.test(value))
    throw new BadRequest(`${key} must be one line of 1 to ${MAX_TEXT} characters`);
  return value;
}

function timeOf(key: string, value: unknown): number {
  const time = value === '' ? Number.NaN : Number(value);
  if (!Number.isFinite(time)) throw new BadRequest(`${key} must be milliseconds since the epoch`);
  return time;
}

function objectOf(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body !== 'object' || body === null) throw new BadRequest('the body must be a JSON object');
  return body as Readonly<Record<string, unknown>>;
}

export async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) throw new BadRequest(`the body is larger than ${MAX_BODY} octets`, 413);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new BadRequest('the body is not JSON');
  }
}

/** A destination, and a plugin where it is named. */
export function laneOf(body: unknown): {
  readonly destination: string;
  readonly transport: string | undefined;
} {
  const { destination, transport } = (body ?? {}) as { destination?: unknown; transport?: unknown };
  if (typeof destination !== 'string' || destination === '' || destination.length > MAX_DESTINATION)
    throw new BadRequest(`destination must be a string of 1 to ${MAX_DESTINATION} characters`);
  if (transport !== undefined && typeof transport !== 'string')
    throw new BadRequest('transport must be a string');
  return { destination, transport };
}
