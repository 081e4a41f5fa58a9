// Finds the command and runs it; what it throws becomes a line for people and an exit code.

import { PosthouseError } from '../contract/index.ts';
import { didYouMean } from '../server/configuration/index.ts';
import { check } from './check.ts';
import { visibleLines } from './columns.ts';
import { type Command, FAILED, MISUSED, readArguments, type Shell, UsageError } from './command.ts';
import { dkim } from './dkim.ts';
import { explain } from './explain.ts';
import { helpText, usageOf } from './help.ts';
import { hooks } from './hooks.ts';
import { newCommand } from './new.ts';
import { passwd } from './passwd.ts';
import { queue } from './queue.ts';
import { reload } from './reload.ts';
import { schema } from './schema.ts';
import { shellOfProcess } from './shell.ts';
import { start } from './start.ts';
import { suppression } from './suppression.ts';
import { tryOut } from './try.ts';
import { version } from './version.ts';
import { why } from './why.ts';

export const commands: readonly Command[] = [
  start,
  check,
  explain,
  hooks,
  tryOut,
  schema,
  queue,
  reload,
  newCommand,
  passwd,
  suppression,
  why,
  dkim,
  version,
];

/** Runs what the shell gave; ends the process where a server ran, whose plugins may have left something open. */
export async function runFromShell(): Promise<void> {
  const given = process.argv.slice(2);
  const code = await run(given, shellOfProcess());
  process.exitCode = code;
  if (given[0] === start.name) process.exit();
}

/** @returns the exit code: 0 for good, 1 when the configuration or the server says no, 2 for a wrong command line. */
export function run(given: readonly string[], shell: Shell): Promise<number> {
  // Whatever a command shows, of the world or of what it was given: nothing in it is for the terminal to obey.
  return runIn(given, {
    ...shell,
    out: (text) => shell.out(visibleLines(text)),
    say: (text) => shell.say(visibleLines(text)),
  });
}

async function runIn(given: readonly string[], shell: Shell): Promise<number> {
  const [word, ...rest] = given;
  const help = word === 'help' || word === '--help' || word === '-h';
  if (word === undefined) {
    shell.say(helpText(commands));
    return MISUSED;
  }
  const name = help
    ? rest.find((other) => !other.startsWith('-'))
    : word === '--version'
      ? version.name
      : word;
  if (name === undefined) {
    shell.out(helpText(commands));
    return 0;
  }
  const command = commands.find((one) => one.name === name);
  if (command === undefined) {
    const hint = didYouMean(name, [...commands.map((one) => one.name), 'help']);
    shell.say(`posthouse has no command ${name}${hint || '; see posthouse help'}\n`);
    return MISUSED;
  }
  if (help || rest.includes('--help') || rest.includes('-h')) {
    shell.out(usageOf(command));
    return 0;
  }
  try {
    return await command.run(readArguments(command, rest), shell);
  } catch (error) {
    return explainFailure(error, command, shell);
  }
}

function explainFailure(error: unknown, command: Command, shell: Shell): number {
  if (error instanceof UsageError) {
    shell.say(`${error.message}\nSee posthouse help ${command.name}\n`);
    return MISUSED;
  }
  // Our own troubles explain themselves; of anything else the place where it happened is worth more than the words.
  const text = error instanceof PosthouseError ? error.message : ((error as Error).stack ?? String(error));
  shell.say(`${text}\n`);
  return FAILED;
}
