// posthouse hooks: who is asked at each hook of each listener, in which order, in which mode, and for how long.

import { type Hook, hookNames } from '../contract/index.ts';
import type { PlanLine } from '../hooks/index.ts';
import { formatDuration, loadConfiguration, nearest } from '../server/configuration/index.ts';
import type { ResolvedDefinition } from '../server/definition.ts';
import { harmlessJson } from '../server/harmless-json.ts';
import { createServer } from '../server/server.ts';
import { columns, visible } from './columns.ts';
import {
  CONFIG_OPTION,
  type Command,
  configFile,
  type Given,
  OK,
  type Option,
  UsageError,
} from './command.ts';

export const LISTENER_OPTION: Readonly<Record<string, Option>> = {
  listener: { type: 'string', value: 'name', help: 'This listener only' },
};

export const hooks: Command = {
  name: 'hooks',
  summary: 'Print who is asked at each hook: the order, the mode, the time limit',
  options: {
    ...CONFIG_OPTION,
    ...LISTENER_OPTION,
    json: { type: 'boolean', help: 'JSON, for programs' },
  },
  async run(given, shell) {
    const definition = await loadConfiguration(configFile(given), shell.environment);
    const only = chosenListener(given, definition);
    const plan = createServer(definition).plan();
    const lines = plan
      .filter(({ listener }) => only === undefined || listener === only || listener === '*')
      .map((line) => ({ ...line, timeout: line.timeout ?? definition.delivery.attemptTimeout }));
    if (given.options.json) shell.out(harmlessJson(`${JSON.stringify(lines, null, 2)}\n`));
    else {
      const names = definition.listeners.map(({ name }) => name);
      shell.out(hooksText(only === undefined ? names : [only], lines));
    }
    return OK;
  },
};

/** What happens where nobody has an opinion. */
export const SILENCE: { readonly [H in Hook]: string } = {
  'on-connect': 'accept',
  'on-mail-from': 'accept',
  'on-rcpt': 'reject 5.7.1',
  'on-data': 'accept',
  'on-deliver': 'defer 4.4.4: no route',
};

/** The listener of `--listener`; undefined for all. */
export function chosenListener(
  { options }: Given,
  { listeners }: Pick<ResolvedDefinition, 'listeners'>,
): string | undefined {
  const { listener } = options;
  if (typeof listener !== 'string') return undefined;
  const names = listeners.map(({ name }) => name);
  if (names.includes(listener)) return listener;
  const near = nearest(listener, names);
  throw new UsageError(
    `there is no listener ${visible(listener)}${near === undefined ? `; there are ${names.join(', ')}` : `; did you mean ${near}?`}`,
  );
}

type Line = PlanLine & { readonly timeout: number };

const HEADS = ['  HOOK', 'PLUGIN', 'ORDER', 'MODE', 'TIME LIMIT', 'ON ERROR'];

function hooksText(listeners: readonly string[], lines: readonly Line[]): string {
  const blocks = listeners.map((name) => {
    const here = lines.filter(({ listener }) => listener === name);
    const rows = hookNames.filter((hook) => hook !== 'on-deliver').flatMap((hook) => rowsOf(hook, here));
    return `listener ${name}\n${columns(HEADS, rows)}`;
  });
  const delivery = columns(HEADS, rowsOf('on-deliver', lines));
  return [...blocks, `delivery, of all listeners: the first claim wins\n${delivery}`].join('\n');
}

function rowsOf(hook: Hook, lines: readonly Line[]): readonly (readonly string[])[] {
  const rows = lines
    .filter((line) => line.hook === hook)
    .map(({ plugin, order, mode, timeout, onError }, index) => [
      index === 0 ? `  ${hook}` : '',
      `${index + 1}. ${visible(plugin)}`,
      order === 'normal' ? '' : order,
      mode,
      formatDuration(timeout),
      hook === 'on-deliver' ? '' : onError,
    ]);
  return [...rows, [rows.length === 0 ? `  ${hook}` : '', `otherwise ${SILENCE[hook]}`, '', '', '', '']];
}
