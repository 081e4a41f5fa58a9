// What a command is, and how its arguments are read: unknown options are refused with what may have been meant.

import { type ParseArgsOptionDescriptor, parseArgs } from 'node:util';
import { didYouMean } from '../server/configuration/index.ts';

/** Exit codes: what a script sees. */
export const OK = 0;
/** The configuration or the server says no. */
export const FAILED = 1;
/** The command line itself is wrong. */
export const MISUSED = 2;

/** The world of a command, as an argument. */
export interface Shell {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Results, on standard output. */
  out(text: string): void;
  /**
   * Octets as they come, on standard output or into a new file that its owner alone can read. Rejects when they break
   * off, and where the file exists; a part of a file is taken away again.
   */
  outOctets(octets: AsyncIterable<Uint8Array>, file?: string): Promise<void>;
  /** What is said to people beside the result, on standard error. */
  say(text: string): void;
  /**
   * A secret: from the terminal, unseen, or the first line of standard input. With `again` a terminal is asked twice.
   * Rejects when the two differ or it was interrupted.
   */
  askSecret(prompt: string, again?: string): Promise<string>;
  /** A question to whoever sits at the terminal; undefined where nobody does. */
  confirm(question: string): Promise<boolean | undefined>;
  /** What whoever sits at the terminal answers, without the white space around it; undefined where nobody does. */
  question(question: string): Promise<string | undefined>;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves with the first signal that asks to end; a second one ends the process at once. */
  whenAskedToEnd(): Promise<void>;
  /**
   * Called with an error that nobody caught. A rejection leaves nothing half done; after an exception the process ends
   * with FAILED when `then` returns.
   */
  onUncaught(then: (kind: 'rejection' | 'exception', error: unknown) => void): void;
  /** Called at each signal that asks to read again what can be read again: SIGHUP. */
  onAskedToReload(then: () => void): void;
}

export interface Option {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  /** May be given several times: its value is a list. */
  readonly multiple?: true;
  /** What the value is, in the help: `file`. */
  readonly value?: string;
  readonly help: string;
}

export interface Command {
  readonly name: string;
  /** Arguments besides the options: `[id …]`. */
  readonly takes?: string;
  readonly summary: string;
  readonly options: Readonly<Record<string, Option>>;
  /** @returns the exit code. Throws a UsageError or a PosthouseError, which the caller prints. */
  run(given: Given, shell: Shell): Promise<number>;
}

export interface Given {
  readonly options: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  readonly words: readonly string[];
}

/** The command line is wrong; the message says how. */
export class UsageError extends Error {}

export const CONFIG_OPTION: Readonly<Record<string, Option>> = {
  config: {
    type: 'string',
    short: 'c',
    value: 'file',
    help: 'The configuration file. Default: posthouse.yaml',
  },
};

/** The file of `--config`. */
export function configFile({ options }: Given): string {
  return typeof options.config === 'string' ? options.config : 'posthouse.yaml';
}

export function readArguments(command: Command, given: readonly string[]): Given {
  const descriptors = Object.fromEntries(
    Object.entries(command.options).map(
      ([name, { type, short, multiple = false }]): [string, ParseArgsOptionDescriptor] => [
        name,
        { type, multiple, ...(short !== undefined && { short }) },
      ],
    ),
  );
  const parsed = parseArgs({
    args: [...given],
    options: descriptors,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  for (const token of parsed.tokens) {
    if (token.kind !== 'option') continue;
    const option = Object.hasOwn(command.options, token.name) ? command.options[token.name] : undefined;
    if (option === undefined) {
      const known = Object.keys(command.options).map((name) => `--${name}`);
      throw new UsageError(
        `posthouse ${command.name} has no option ${token.rawName}${didYouMean(token.rawName, known)}`,
      );
    }
    const missing = token.value === undefined || (!token.inlineValue && token.value.startsWith('-'));
    if (option.type === 'string' && missing)
      throw new UsageError(`${token.rawName} needs a value: ${option.value ?? 'text'}`);
    if (option.type === 'boolean' && token.value !== undefined)
      throw new UsageError(`${token.rawName} takes no value`);
  }
  if (parsed.positionals.length > 0 && command.takes === undefined) {
    throw new UsageError(
      `posthouse ${command.name} takes options only, and was given ${parsed.positionals.join(' ')}`,
    );
  }
  return { options: parsed.values as Given['options'], words: parsed.positionals };
}
