// posthouse queue: the queue of the running server in the operator's hand. Looking and reading are here; what changes
// items is queue-act.ts's, and which items are meant queue-selection.ts's.

import type { QueueFilter, QueuePage } from '../contract/index.ts';
import { controlSocketOf, didYouMean } from '../server/configuration/index.ts';
import type { QueueSummary, Shown } from '../server/control.ts';
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
import { ask, octetsOf, Refused } from './control-client.ts';
import { ACTS, actBody, carryOut } from './queue-act.ts';
import { changeLanes, checkLanes, LANE_ACTS } from './queue-lanes.ts';
import { FILTER_OPTIONS, filterOf, isOneOf, selectionOf } from './queue-selection.ts';
import { summaryText } from './queue-summary-text.ts';
import { entryText, pageText } from './queue-text.ts';

const LOOKS = ['list', 'summary', 'show', 'body'] as const;
const ACTIONS = [...LOOKS, ...ACTS] as const;

/** Destinations that the text of a summary shows; its JSON has all of them. */
const SUMMARY_ROWS = 100;

export const queue: Command = {
  name: 'queue',
  takes: `list | summary | show <id> | body <id> | ${ACTS.map((act) => `${act} <id …>`).join(' | ')} | suspend <destination …> | resume <destination …>`,
  summary:
    'Look into the queue of the running server, read messages, hold, release, retry, reroute, return, drop, suspend destinations',
  options: {
    ...CONFIG_OPTION,
    socket: {
      type: 'string',
      value: 'path',
      help: 'The control socket, where there is no configuration at hand',
    },
    ...FILTER_OPTIONS,
    all: {
      type: 'boolean',
      help: 'Whatever fits, also more than 1000 items; without filters the whole queue',
    },
    'dry-run': { type: 'boolean', help: 'Show what would be changed, and change nothing' },
    yes: { type: 'boolean', help: 'With bounce and drop: do not ask before items that filters select' },
    to: { type: 'string', value: 'next hop', help: 'With reroute: where to' },
    'to-transport': { type: 'string', value: 'plugin', help: 'With reroute: which plugin carries it there' },
    anew: { type: 'boolean', help: 'With reroute: as the configuration routes now' },
    text: { type: 'string', value: 'words', help: 'With bounce: what the sender is told' },
    header: { type: 'boolean', help: 'With body: the header section alone' },
    output: { type: 'string', short: 'o', value: 'file', help: 'With body: into a new file' },
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
    if (isOneOf(LANE_ACTS, action)) {
      checkLanes(action, ids, given);
      return await changeLanes(action, socketOf(given, shell), ids, given, shell);
    }
    if (!isOneOf(ACTIONS, action))
      throw new UsageError(
        `posthouse queue cannot ${visible(action)}${didYouMean(action, [...ACTIONS, ...LANE_ACTS])}`,
      );
    const filter = filterOf(given, shell.now());
    try {
      if (isOneOf(ACTS, action)) {
        const selection = selectionOf(action, ids, filter, given);
        actBody(action, given);
        return await carryOut(action, socketOf(given, shell), selection, given, shell);
      }
      checkLook(action, ids, filter, given);
      const [id] = ids as [string];
      if (action === 'list') return await list(socketOf(given, shell), filter, given, shell);
      if (action === 'summary') return await summary(socketOf(given, shell), filter, given, shell);
      if (action === 'show') return await show(socketOf(given, shell), id, given, shell);
      return await body(socketOf(given, shell), id, given, shell);
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
  shell.out(
    options.json
      ? json(page)
      : pageText(page, shell.now(), Object.keys(filter).length > 0 || after !== undefined),
  );
  return OK;
}

async function summary(socket: string, filter: QueueFilter, given: Given, shell: Shell): Promise<number> {
  const figures = (await ask(socket, 'GET', `/queue/summary?${queryOf(filter)}`)) as QueueSummary;
  const filtered = Object.keys(filter).length > 0;
  shell.out(given.options.json ? json(figures) : summaryText(figures, shell.now(), rowsOf(given), filtered));
  return OK;
}

/** Destinations to show. */
function rowsOf({ options }: Given): number {
  if (typeof options.limit !== 'string') return SUMMARY_ROWS;
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
  const shown = (await ask(socket, 'GET', `/queue/${encodeURIComponent(id)}`)) as Shown;
  const { entries, inDelivery } = shown;
  const texts = entries.map((entry) => entryText(entry, shell.now(), inDelivery.includes(entry.item.id)));
  shell.out(options.json ? json(shown) : texts.join('\n'));
  return OK;
}

async function body(socket: string, id: string, { options }: Given, shell: Shell): Promise<number> {
  const part = options.header ? 'header' : 'message';
  const octets = await octetsOf(socket, `/queue/${encodeURIComponent(id)}/${part}`);
  await shell.outOctets(octets, typeof options.output === 'string' ? options.output : undefined);
  return OK;
}

function checkLook(
  action: (typeof LOOKS)[number],
  ids: readonly string[],
  filter: QueueFilter,
  given: Given,
): void {
  const filtered = Object.keys(filter).length > 0;
  if (action === 'list' || action === 'summary') {
    if (ids.length > 0)
      throw new UsageError(`posthouse queue ${action} takes filters, not ids; see queue show`);
  } else if (ids.length !== 1 || filtered)
    throw new UsageError(`posthouse queue ${action} takes one id, of an item or of a message`);
  if (action === 'summary') rowsOf(given);
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
