// posthouse queue: looks into the queue of the running server, counts it, makes items due, releases held ones, and drops.

import type { QueueEntry, QueueFilter, QueuePage } from '../contract/index.ts';
import { controlSocketOf, didYouMean, parseDuration } from '../server/configuration/index.ts';
import type { QueueSummary } from '../server/control.ts';
import { harmlessJson } from '../server/harmless-json.ts';
import { visible } from './columns.ts';
import {
  CONFIG_OPTION,
  type Command,
  configFile,
  FAILED,
  type Given,
  OK,
  type Shell,
  UsageError,
} from './command.ts';
import { ask, Refused } from './control-client.ts';
import { summaryText } from './queue-summary-text.ts';
import { entryText, pageText } from './queue-text.ts';

const ACTIONS = ['list', 'summary', 'show', 'retry', 'release', 'drop'] as const;
type Action = (typeof ACTIONS)[number];
type Change = Exclude<Action, 'list' | 'summary' | 'show'>;

/** What is said of a change when it is done. */
const DONE: Readonly<Record<Change, string>> = {
  retry: 'will be tried now',
  release: 'released',
  drop: 'dropped',
};
const ABLE: Readonly<Record<Change, string>> = { retry: 'tried', release: 'released', drop: 'dropped' };

/** Destinations that the text of a summary shows; its JSON has all of them. */
const SUMMARY_ROWS = 100;

const STATES = ['waiting', 'held'] as const;
const REASONS = ['fresh', 'no-route', 'deferred', 'refused', 'quarantined', 'asked-by-operator'] as const;

export const queue: Command = {
  name: 'queue',
  takes: 'list | summary | show <id> | retry <id …> | release <id …> | drop <id …>',
  summary: 'Look into the queue of the running server, count it, try again, release, or drop',
  options: {
    ...CONFIG_OPTION,
    socket: {
      type: 'string',
      value: 'path',
      help: 'The control socket, where there is no configuration at hand',
    },
    destination: { type: 'string', value: 'name', help: 'Items for this next hop' },
    transport: { type: 'string', value: 'plugin', help: 'Items that this plugin carries' },
    sender: { type: 'string', value: 'address', help: "Items of this sender; '' for the null sender" },
    recipient: { type: 'string', value: 'address', help: 'Items for this recipient' },
    state: { type: 'string', value: 'state', help: STATES.join(' or ') },
    reason: { type: 'string', value: 'reason', help: `Why it waits: ${REASONS.join(', ')}` },
    'older-than': { type: 'string', value: 'duration', help: 'Items that arrived longer ago than 2h, say' },
    all: { type: 'boolean', help: 'With retry, release and drop: the whole queue' },
    limit: {
      type: 'string',
      value: 'number',
      help: 'With list: so many items; with summary: so many destinations. Default: 100',
    },
    after: { type: 'string', value: 'id', help: 'With list: the page after this one' },
    json: { type: 'boolean', help: 'JSON, for programs' },
  },
  async run(given, shell) {
    const [action, ...ids] = given.words;
    if (action === undefined) throw new UsageError(`say what to do: ${ACTIONS.join(', ')}`);
    if (!isOneOf(ACTIONS, action))
      throw new UsageError(`posthouse queue cannot ${visible(action)}${didYouMean(action, ACTIONS)}`);
    const filter = filterOf(given, shell.now());
    checkSelection(action, ids, filter, given);
    const rows = rowsOf(action, given);
    const socket = socketOf(given, shell);
    try {
      if (action === 'list') return await list(socket, filter, given, shell);
      if (action === 'summary') return await summary(socket, filter, rows, given, shell);
      if (action === 'show') return await show(socket, ids[0] as string, given, shell);
      return await change(action, socket, ids.length > 0 ? { ids } : { filter }, given, shell);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      shell.say(`${visible(error.message)}\n`);
      return FAILED;
    }
  },
};

async function list(socket: string, filter: QueueFilter, { options }: Given, shell: Shell): Promise<number> {
  const query = queryOf(filter);
  const { limit, after } = options;
  if (typeof limit === 'string') query.set('limit', limit);
  if (typeof after === 'string') query.set('after', after);
  const page = (await ask(socket, 'GET', `/queue?${query}`)) as QueuePage;
  shell.out(options.json ? json(page) : pageText(page, shell.now()));
  return OK;
}

async function summary(
  socket: string,
  filter: QueueFilter,
  rows: number,
  { options }: Given,
  shell: Shell,
): Promise<number> {
  const figures = (await ask(socket, 'GET', `/queue/summary?${queryOf(filter)}`)) as QueueSummary;
  shell.out(options.json ? json(figures) : summaryText(figures, shell.now(), rows));
  return OK;
}

/** Destinations to show; asked before the server is. */
function rowsOf(action: Action, { options }: Given): number {
  if (action !== 'summary' || typeof options.limit !== 'string') return SUMMARY_ROWS;
  const rows = Number(options.limit);
  if (!Number.isInteger(rows) || rows < 1) throw new UsageError('--limit must be a number from 1 on');
  return rows;
}

function queryOf(filter: QueueFilter): URLSearchParams {
  return new URLSearchParams(
    Object.entries(filter).map(([key, value]): [string, string] => [key, String(value)]),
  );
}

async function show(socket: string, id: string, { options }: Given, shell: Shell): Promise<number> {
  const { entries } = (await ask(socket, 'GET', `/queue/${encodeURIComponent(id)}`)) as {
    readonly entries: readonly QueueEntry[];
  };
  shell.out(
    options.json ? json({ entries }) : entries.map((entry) => entryText(entry, shell.now())).join('\n'),
  );
  return OK;
}

async function change(
  action: Change,
  socket: string,
  selection: object,
  { options }: Given,
  shell: Shell,
): Promise<number> {
  const answer = (await ask(socket, 'POST', `/queue/${action}`, selection)) as {
    readonly count: number;
    readonly missing: readonly string[];
  };
  const { count, missing } = answer;
  const items = `${count} ${count === 1 ? 'item' : 'items'}`;
  if (options.json) shell.out(json(answer));
  else shell.out(`${items} ${DONE[action]}\n`);
  for (const id of missing) shell.say(`nothing that can be ${ABLE[action]} has the id ${visible(id)}\n`);
  return missing.length === 0 ? OK : FAILED;
}

function checkSelection(
  action: Action,
  ids: readonly string[],
  filter: QueueFilter,
  { options }: Given,
): void {
  const filtered = Object.keys(filter).length > 0;
  if ((action === 'list' || action === 'summary') && ids.length > 0)
    throw new UsageError(`posthouse queue ${action} takes filters, not ids; see queue show`);
  if (action === 'show' && (ids.length !== 1 || filtered))
    throw new UsageError('posthouse queue show takes one id, of an item or of a message');
  if (action === 'list' || action === 'summary' || action === 'show') return;
  const ways = [ids.length > 0, filtered, options.all === true].filter(Boolean).length;
  // A forgotten filter must not empty the queue.
  if (ways !== 1)
    throw new UsageError(`posthouse queue ${action} takes ids, or filters, or --all: one of the three`);
}

function filterOf({ options }: Given, now: number): QueueFilter {
  const filter: { -readonly [K in keyof QueueFilter]: QueueFilter[K] } = {};
  for (const key of ['destination', 'transport', 'sender', 'recipient'] as const) {
    const value = options[key];
    if (typeof value === 'string') filter[key] = value;
  }
  const { state, reason } = options;
  if (typeof state === 'string') filter.state = oneOf(STATES, state, '--state');
  if (typeof reason === 'string') filter.reason = oneOf(REASONS, reason, '--reason');
  const age = options['older-than'];
  if (typeof age === 'string') {
    const milliseconds = parseDuration(age);
    if (milliseconds === undefined)
      throw new UsageError('--older-than must be a duration such as 30m, 2h or 5d');
    filter.arrivedBefore = now - milliseconds;
  }
  return filter;
}

function isOneOf<W extends string>(words: readonly W[], word: string): word is W {
  return (words as readonly string[]).includes(word);
}

function oneOf<W extends string>(words: readonly W[], word: string, option: string): W {
  if (isOneOf(words, word)) return word;
  throw new UsageError(`${option} must be one of ${words.join(', ')}${didYouMean(word, words)}`);
}

function socketOf(given: Given, shell: Shell): string {
  if (typeof given.options.socket === 'string') return given.options.socket;
  const file = configFile(given);
  const socket = controlSocketOf(file, shell.environment);
  if (socket === undefined)
    throw new UsageError(`${file} switches the control socket off with control: false`);
  return socket;
}

function json(value: unknown): string {
  return harmlessJson(`${JSON.stringify(value, null, 2)}\n`);
}
