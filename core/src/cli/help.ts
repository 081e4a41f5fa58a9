// posthouse help: what the commands and their options are, from the commands themselves.

import { columns } from './columns.ts';
import type { Command } from './command.ts';

export function helpText(commands: readonly Command[]): string {
  const rows = commands.map(({ name, summary }) => [`  ${name}`, summary]);
  return `Posthouse, a mail server made of plugins.\n\nUsage: posthouse <command> [options]\n\n${columns([], rows)}\nposthouse help <command> tells its options.\n`;
}

export function usageOf({ name, takes, summary, options }: Command): string {
  const rows = Object.entries(options).map(([option, { short, value, help }]) => [
    `  ${short === undefined ? '    ' : `-${short}, `}--${option}${value === undefined ? '' : ` <${value}>`}`,
    help,
  ]);
  const line = ['posthouse', name, takes, rows.length === 0 ? undefined : '[options]'].filter(
    (part) => part !== undefined,
  );
  return `${summary}\n\nUsage: ${line.join(' ')}\n${rows.length === 0 ? '' : `\n${columns([], rows)}`}`;
}
