// posthouse suppression: looks at the list of check-suppression, adds to it, takes off, and says why an address is there.
// The file is the plugin's; here is only the asking. The server may run meanwhile.

import { resolve } from 'node:path';
import {
  didYouMean,
  importPackage,
  loadConfiguration,
  parseDuration,
} from '../server/configuration/index.ts';
import { columns, visible } from './columns.ts';
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

const PLUGIN = '@posthouse/check-suppression';
const ACTIONS = ['list', 'add', 'remove', 'explain'] as const;
type Action = (typeof ACTIONS)[number];
const ROWS = 100;

interface Entry {
  readonly address: string;
  readonly since: number;
  readonly until: number | null;
  readonly source: string;
  readonly class: string | null;
  readonly text: string;
}

/** What check-suppression exports beside its plugin. */
interface SuppressionTool {
  listAddresses(path: string, now: number, limit: number, after?: string): readonly Entry[];
  addAddress(
    path: string,
    address: string,
    entry: { readonly now: number; readonly until: number | null; readonly text: string },
  ): string;
  removeAddress(path: string, address: string): boolean;
  explainAddress(
    path: string,
    address: string,
    now: number,
  ): {
    readonly address: string;
    readonly entry: Entry | undefined;
    readonly failures: readonly { readonly at: number; readonly class: string; readonly text: string }[];
  };
}

export const suppression: Command = {
  name: 'suppression',
  takes: 'list | add <address> [why …] | remove <address> | explain <address>',
  summary: 'Look at the addresses that get no more mail, add, take off, or ask why one is there',
  options: {
    ...CONFIG_OPTION,
    file: { type: 'string', short: 'f', value: 'path', help: 'The list itself, without a configuration' },
    for: { type: 'string', value: 'duration', help: 'With add: for so long. Default: for ever' },
    limit: { type: 'string', value: 'number', help: `With list: so many addresses. Default: ${ROWS}` },
    after: { type: 'string', value: 'address', help: 'With list: those behind this one' },
    json: { type: 'boolean', help: 'JSON, for programs' },
  },
  async run(given, shell) {
    const [word, address, ...why] = given.words;
    const action = actionOf(word);
    if ((action === 'list') !== (address === undefined))
      throw new UsageError(
        `posthouse suppression ${action} takes ${action === 'list' ? 'no' : 'an'} address`,
      );
    if (action !== 'add' && why.length > 0) throw new UsageError('one address at a time');
    const limit = limitOf(given);
    const until = untilOf(given, shell.now());
    const tool = (await importPackage(PLUGIN, process.cwd())) as unknown as SuppressionTool;
    const path = await pathOf(given, shell);
    try {
      if (action === 'list') return list(tool, path, limit, given, shell);
      if (action === 'explain') return explain(tool, path, address as string, given, shell);
      if (action === 'remove') return remove(tool, path, address as string, shell);
      const added = tool.addAddress(path, address as string, {
        now: shell.now(),
        until,
        text: why.join(' '),
      });
      shell.out(`${visible(added)} gets no more mail${until === null ? '' : ` until ${day(until)}`}\n`);
      return OK;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      shell.say(`${visible(error.message)}\n`);
      return FAILED;
    }
  },
};

function list(tool: SuppressionTool, path: string, limit: number, { options }: Given, shell: Shell): number {
  const after = typeof options.after === 'string' ? options.after : undefined;
  const entries = tool.listAddresses(path, shell.now(), limit, after);
  if (options.json === true) shell.out(`${JSON.stringify(entries, null, 2)}\n`);
  else if (entries.length === 0) shell.out('Nobody is on the list.\n');
  else shell.out(columns(['ADDRESS', 'SINCE', 'UNTIL', 'BY', 'WHY'], entries.map(rowOf)));
  const last = entries.at(-1);
  if (entries.length === limit && last !== undefined)
    shell.say(`There may be more: --after ${visible(last.address)}\n`);
  return OK;
}

function explain(tool: SuppressionTool, path: string, written: string, given: Given, shell: Shell): number {
  const found = tool.explainAddress(path, written, shell.now());
  if (given.options.json === true) {
    shell.out(`${JSON.stringify(found, null, 2)}\n`);
    return OK;
  }
  const { address, entry, failures } = found;
  const shown = visible(address);
  if (entry === undefined) shell.out(`${shown} is not on the list.\n`);
  else {
    const by = entry.address === address ? '' : ` by ${visible(entry.address)}`;
    const [, since, until, source, why] = rowOf(entry);
    const end = entry.until === null ? 'for ever' : `until ${until}`;
    shell.out(`${shown} is on the list${by} since ${since}, ${end}, put there by ${source}: ${why}.\n`);
    shell.out(`posthouse suppression remove ${visible(entry.address)} takes it off.\n`);
  }
  for (const { at, class: given, text } of failures)
    shell.out(`  ${new Date(at).toISOString()} [${visible(given)}] ${visible(text)}\n`);
  return OK;
}

function remove(tool: SuppressionTool, path: string, address: string, shell: Shell): number {
  if (tool.removeAddress(path, address)) {
    shell.out(`${visible(address)} is off the list, and its failures are forgotten\n`);
    return OK;
  }
  shell.say(`${visible(address)} is not on the list\n`);
  return FAILED;
}

function rowOf({ address, since, until, source, class: given, text }: Entry): readonly string[] {
  const why = `${given === null ? '' : `[${given}] `}${text}`.trim();
  return [
    visible(address),
    day(since),
    until === null ? 'never' : day(until),
    visible(source),
    why === '' ? 'no reason given' : visible(why),
  ];
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

function actionOf(word: string | undefined): Action {
  const action = ACTIONS.find((one) => one === word);
  if (action !== undefined) return action;
  const hint = word === undefined ? '' : didYouMean(word, ACTIONS);
  throw new UsageError(`say what to do, one of ${ACTIONS.join(', ')}${hint}`);
}

function limitOf({ options }: Given): number {
  if (typeof options.limit !== 'string') return ROWS;
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1) throw new UsageError('--limit must be a number from 1 on');
  return limit;
}

function untilOf({ options }: Given, now: number): number | null {
  if (typeof options.for !== 'string') return null;
  const milliseconds = parseDuration(options.for);
  if (milliseconds === undefined) throw new UsageError('--for must be a duration such as 12h or 30d');
  return now + milliseconds;
}

async function pathOf(given: Given, shell: Shell): Promise<string> {
  const { file } = given.options;
  if (typeof file === 'string') return resolve(file);
  const definition = await loadConfiguration(configFile(given), shell.environment);
  const paths = definition.plugins
    .filter(({ spec }) => spec.name === 'check-suppression')
    .map(({ config }) => config.path as string);
  const [path] = paths;
  if (path === undefined)
    throw new UsageError(`${configFile(given)} uses no check-suppression; name the list with --file`);
  if (paths.length > 1) throw new UsageError(`${configFile(given)} uses several lists; name one with --file`);
  return path;
}
