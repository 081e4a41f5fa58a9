// What posthouse queue does to items: asks the server, and tells what became of it. What cannot be taken back is
// confirmed first where a filter selects.

import type { ActAnswer, QueueAct } from '../server/control.ts';
import { harmlessJson } from '../server/harmless-json.ts';
import { visible } from './columns.ts';
import { FAILED, type Given, OK, type Shell, UsageError } from './command.ts';
import { ask } from './control-client.ts';
import type { Selection } from './queue-selection.ts';
import { pageText } from './queue-text.ts';

export const ACTS = ['hold', 'release', 'retry', 'reroute', 'bounce', 'drop'] as const;
export type Act = (typeof ACTS)[number];

interface Words {
  /** What is said of items when it is done. */
  readonly done: string;
  /** `nothing that can be …`, `would be …` */
  readonly able: string;
  /** What is said of items that were being delivered at that moment. */
  readonly busy: string;
  /** Whether there is no way back. */
  readonly final?: true;
}

const LEFT_ALONE = 'being delivered at this moment, and left alone: ask again when the attempt is over';
const WORDS: { readonly [A in Act]: Words } = {
  hold: { done: 'held', able: 'held', busy: LEFT_ALONE },
  release: { done: 'released', able: 'released', busy: LEFT_ALONE },
  retry: { done: 'will be tried now', able: 'tried', busy: 'being delivered at this moment' },
  reroute: { done: 'rerouted', able: 'rerouted', busy: LEFT_ALONE },
  bounce: { done: 'returned to the sender', able: 'returned to the sender', busy: LEFT_ALONE, final: true },
  drop: {
    done: 'dropped',
    able: 'dropped',
    busy: 'being delivered at that moment, and may still arrive',
    final: true,
  },
};

/** The act as the control socket takes it, without its name. Throws a UsageError. */
export function actBody(act: Act, { options }: Given): Omit<QueueAct, 'do'> {
  const { to, anew, text } = options;
  const transport = options['to-transport'];
  if (act !== 'reroute' && (to ?? transport ?? anew) !== undefined)
    throw new UsageError('--to, --to-transport and --anew are for posthouse queue reroute');
  if (act !== 'bounce' && text !== undefined)
    throw new UsageError('--text is for posthouse queue bounce: what the sender is told');
  if (act === 'bounce') return text === undefined ? {} : { text };
  if (act !== 'reroute') return {};
  if ((to === undefined) === (anew === undefined) || (anew !== undefined && transport !== undefined))
    throw new UsageError(
      'posthouse queue reroute takes --to <next hop>, with --to-transport <plugin> for another plugin, or --anew',
    );
  return anew === undefined
    ? { destination: to, ...(transport !== undefined && { transport }) }
    : { anew: true };
}

export async function carryOut(
  act: Act,
  socket: string,
  selection: Selection,
  given: Given,
  shell: Shell,
): Promise<number> {
  const { options } = given;
  const request = { ...actBody(act, given), ...selection };
  const planned = async (): Promise<ActAnswer> =>
    (await ask(socket, 'POST', `/queue/${act}`, { ...request, dryRun: true })) as ActAnswer;
  if (options['dry-run']) return told(act, await planned(), options.json === true, true, shell);
  if (WORDS[act].final && !('ids' in selection) && options.yes !== true) {
    const { count } = await planned();
    if (count > 0 && !(await confirmed(act, count, shell))) return FAILED;
  }
  const answer = (await ask(socket, 'POST', `/queue/${act}`, request)) as ActAnswer;
  return told(act, answer, options.json === true, false, shell);
}

async function confirmed(act: Act, count: number, shell: Shell): Promise<boolean> {
  const yes = await shell.confirm(`${items(count)} would be ${WORDS[act].able}. Go on? [y/N] `);
  if (yes === undefined)
    throw new UsageError(
      `${items(count)} would be ${WORDS[act].able}: say --yes where nobody can be asked, or --dry-run to see them`,
    );
  if (!yes) shell.say('Nothing was done.\n');
  return yes;
}

function told(act: Act, answer: ActAnswer, json: boolean, dry: boolean, shell: Shell): number {
  const { count, busy, missing, entries = [] } = answer;
  const { done, able, busy: meanwhile } = WORDS[act];
  if (json) shell.out(harmlessJson(`${JSON.stringify(answer, null, 2)}\n`));
  else if (dry) {
    if (count > 0) shell.out(pageText({ entries, next: undefined }, shell.now()));
    shell.out(
      `${items(count)} would be ${able}${entries.length < count ? `; the first ${entries.length} are shown` : ''}\n`,
    );
  } else shell.out(`${items(count)} ${done}\n`);
  for (const id of missing) shell.say(`nothing that can be ${able} has the id ${visible(id)}\n`);
  for (const id of busy) shell.say(`${visible(id)} was ${meanwhile}\n`);
  // A retry and a drop have done what they can with what is being delivered.
  const undone = act === 'retry' || act === 'drop' ? 0 : busy.length;
  return missing.length + undone === 0 ? OK : FAILED;
}

function items(count: number): string {
  return `${count} ${count === 1 ? 'item' : 'items'}`;
}
