// Which items of the queue a command line means: ids, filters, or all of them.

import { type QueueFilter, queueStates, waitReasons } from '../contract/index.ts';
import { didYouMean, parseDuration } from '../server/configuration/index.ts';
import { type Given, type Option, UsageError } from './command.ts';

export const FILTER_OPTIONS: Readonly<Record<string, Option>> = {
  destination: { type: 'string', value: 'name', help: 'Items for this next hop' },
  transport: { type: 'string', value: 'plugin', help: 'Items that this plugin carries' },
  sender: {
    type: 'string',
    value: 'address',
    help: "Items of this sender; '@example.org' for a whole domain, '' for the null sender",
  },
  recipient: { type: 'string', value: 'address', help: "Items for this recipient, or '@example.org'" },
  message: { type: 'string', value: 'id', help: 'Items of this message' },
  state: { type: 'string', value: 'state', help: queueStates.join(' or ') },
  reason: { type: 'string', value: 'reason', help: `Why it waits: ${waitReasons.join(', ')}` },
  'older-than': { type: 'string', value: 'duration', help: 'Items that arrived longer ago than 2h, say' },
  'younger-than': { type: 'string', value: 'duration', help: 'Items that arrived within the last 30m, say' },
};

/** What an act is to be done to, as the control socket takes it. */
export type Selection =
  | { readonly ids: readonly string[] }
  | { readonly filter: QueueFilter; readonly all?: true };

export function filterOf({ options }: Given, now: number): QueueFilter {
  const filter: { -readonly [K in keyof QueueFilter]: QueueFilter[K] } = {};
  for (const key of ['destination', 'transport', 'sender', 'recipient', 'message'] as const) {
    const value = options[key];
    if (typeof value === 'string') filter[key] = value;
  }
  const { state, reason } = options;
  if (typeof state === 'string') filter.state = oneOf(queueStates, state, '--state');
  if (typeof reason === 'string') filter.reason = oneOf(waitReasons, reason, '--reason');
  const before = agoOf(options, 'older-than', now);
  const after = agoOf(options, 'younger-than', now);
  if (before !== undefined) filter.arrivedBefore = before;
  if (after !== undefined) filter.arrivedAfter = after;
  return filter;
}

/** A forgotten filter must not change the whole queue. */
export function selectionOf(
  action: string,
  ids: readonly string[],
  filter: QueueFilter,
  { options }: Given,
): Selection {
  const filtered = Object.keys(filter).length > 0;
  if (ids.length > 0) {
    if (filtered || options.all === true)
      throw new UsageError(`posthouse queue ${action} takes ids, or filters and --all, not both`);
    return { ids };
  }
  if (!filtered && options.all !== true)
    throw new UsageError(`posthouse queue ${action} takes ids, or filters, or --all for the whole queue`);
  return options.all === true ? { filter, all: true } : { filter };
}

export function isOneOf<W extends string>(words: readonly W[], word: string): word is W {
  return (words as readonly string[]).includes(word);
}

function oneOf<W extends string>(words: readonly W[], word: string, option: string): W {
  if (isOneOf(words, word)) return word;
  throw new UsageError(`${option} must be one of ${words.join(', ')}${didYouMean(word, words)}`);
}

function agoOf(options: Given['options'], option: string, now: number): number | undefined {
  const given = options[option];
  if (typeof given !== 'string') return undefined;
  const milliseconds = parseDuration(given);
  if (milliseconds === undefined)
    throw new UsageError(`--${option} must be a duration such as 30m, 2h or 5d`);
  return now - milliseconds;
}
