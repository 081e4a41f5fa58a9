// One command line as a value: which verb, and its arguments as far as they are fixed by RFC 5321 §4.1.1.
// Paths and parameters stay text, since what they may be depends on the session.

import { isAddressLiteral } from './domain.ts';
import type { LineResult } from './line-splitter.ts';
import type { Fault } from './reply.ts';

export type AuthCommand = { readonly verb: 'AUTH'; readonly mechanism: string; readonly initial?: string };

/** A `fault` does not unsay the octets that were announced: they follow all the same (RFC 3030 §2). */
export interface BdatCommand {
  readonly verb: 'BDAT';
  /** Octets of the chunk; Infinity where they are too many to be counted exactly. */
  readonly size: number;
  readonly last: boolean;
  readonly fault?: Fault;
}

export interface HelloCommand {
  readonly verb: 'EHLO' | 'HELO' | 'LHLO';
  readonly domain: string;
}

export type Command =
  | HelloCommand
  /** What stands behind `FROM:` or `TO:`. */
  | { readonly verb: 'MAIL' | 'RCPT'; readonly argument: string }
  | { readonly verb: 'DATA' | 'RSET' | 'QUIT' | 'STARTTLS' }
  | BdatCommand
  | { readonly verb: 'NOOP' | 'HELP'; readonly argument: string }
  | { readonly verb: 'VRFY' | 'EXPN'; readonly argument: string }
  /** Attributes; see client-attributes.ts. */
  | { readonly verb: 'XCLIENT' | 'XFORWARD'; readonly argument: string }
  | AuthCommand
  | { readonly verb: 'unknown'; readonly word: string }
  | { readonly verb: 'fault'; readonly fault: Fault };

const DATA: Command = Object.freeze({ verb: 'DATA' });
const RSET: Command = Object.freeze({ verb: 'RSET' });
const QUIT: Command = Object.freeze({ verb: 'QUIT' });
const STARTTLS: Command = Object.freeze({ verb: 'STARTTLS' });

type LineFault = Extract<LineResult, { fault: string }>['fault'];

/** A line that can be no command, whatever it was meant to be. */
export const LINE_FAULTS: { readonly [F in LineFault]: Fault } = {
  'too-long': { code: 500, status: '5.5.2', text: 'Line too long' }, // RFC 5321 §4.5.3.1.4
  'bare-lf': { code: 500, status: '5.5.2', text: 'A line ends in CR LF, never in LF alone' },
  'bare-cr': { code: 500, status: '5.5.2', text: 'CR outside of CR LF' },
  nul: { code: 500, status: '5.5.2', text: 'NUL in a command' },
  'not-utf8': { code: 500, status: '5.5.2', text: 'Not UTF-8' },
};

/**
 * The command of a line. Of AUTH the line may be as long as the splitter lets it, since its initial response is.
 * @param octets of the line, CRLF included
 */
export function commandOf(next: LineResult, octets: number, limit: number): Command {
  if ('fault' in next) return { verb: 'fault', fault: LINE_FAULTS[next.fault] };
  const command = parseCommand(next.line);
  if (octets <= limit || command.verb === 'AUTH') return command;
  return { verb: 'fault', fault: LINE_FAULTS['too-long'] };
}

/** Reads a line without its CRLF. Never throws; what is wrong with a known command is its `fault`. */
export function parseCommand(line: string): Command {
  const text = trimEnd(line);
  const space = text.indexOf(' ');
  const word = space === -1 ? text : text.slice(0, space);
  const argument = space === -1 ? '' : text.slice(space + 1);
  // RFC 5321 §2.4: verbs in any case.
  const verb = word.toUpperCase();

  // The octets that BDAT announces follow it whatever else is wrong with it.
  if (verb === 'BDAT') return parseBdat(argument);
  const kind = contents(line);
  if (kind === CONTROL) return badCharacters(verb, 'Control characters are not allowed in a command');
  if (kind === NON_ASCII && !mayBeUnicode(verb))
    return badCharacters(verb, 'Non-ASCII characters are not allowed here');
  switch (verb) {
    case 'EHLO':
    case 'HELO':
    case 'LHLO':
      return isClientName(argument)
        ? { verb, domain: argument }
        : badArgument(`${verb} needs your host name or address literal`);
    case 'MAIL':
      return prefixed(verb, 'FROM:', argument);
    case 'RCPT':
      return prefixed(verb, 'TO:', argument);
    case 'DATA':
      return space === -1 ? DATA : badArgument('DATA takes no argument');
    case 'RSET':
      return space === -1 ? RSET : badArgument('RSET takes no argument');
    case 'QUIT':
      return space === -1 ? QUIT : badArgument('QUIT takes no argument');
    case 'STARTTLS':
      // RFC 3207 §4
      return space === -1 ? STARTTLS : badArgument('STARTTLS takes no argument');
    case 'NOOP':
    case 'HELP':
      return { verb, argument };
    case 'XCLIENT':
    case 'XFORWARD':
      return { verb, argument };
    case 'VRFY':
    case 'EXPN':
      return { verb, argument };
    case 'AUTH':
      return parseAuth(argument);
    default:
      return { verb: 'unknown', word };
  }
}

const PLAIN = 0;
const NON_ASCII = 1;
const CONTROL = 2;

/** What the line is made of; a tab counts as white space here, and only passes at the end (RFC 5321 §4.1.1). */
function contents(line: string): number {
  let kind = PLAIN;
  for (let index = 0; index < line.length; index++) {
    const unit = line.charCodeAt(index);
    if (unit < 0x20 || (unit >= 0x7f && unit <= 0x9f)) {
      if (unit === 0x09 && trimEnd(line).length <= index) return kind;
      return CONTROL;
    }
    if (unit > 0x9f) kind = NON_ASCII;
  }
  return kind;
}

/** RFC 6531 §3.1 and §3.7.4: addresses in these commands may be UTF-8; the session knows whether they may be now. */
function mayBeUnicode(verb: string): boolean {
  return verb === 'MAIL' || verb === 'RCPT' || verb === 'VRFY' || verb === 'EXPN';
}

/** RFC 5321 §4.1.1: receivers tolerate trailing white space. */
function trimEnd(line: string): string {
  let end = line.length;
  while (end > 0 && (line.charCodeAt(end - 1) === 0x20 || line.charCodeAt(end - 1) === 0x09)) end--;
  return end === line.length ? line : line.slice(0, end);
}

const HOST_LABELS = /^[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?$/;

/**
 * RFC 5321 §4.1.1.1 wants a domain or an address literal. Real clients have names with underscores,
 * of one label, ending in a dot, or give a bare IPv4 address; refusing those would refuse good mail.
 */
function isClientName(text: string): boolean {
  if (text.length > 255) return false;
  return text.startsWith('[') ? isAddressLiteral(text) : HOST_LABELS.test(text);
}

function prefixed(verb: 'MAIL' | 'RCPT', prefix: 'FROM:' | 'TO:', argument: string): Command {
  if (argument.slice(0, prefix.length).toUpperCase() === prefix) {
    return { verb, argument: argument.slice(prefix.length) };
  }
  return { verb: 'fault', fault: { code: 501, status: '5.5.2', text: `Syntax: ${verb} ${prefix}<address>` } };
}

const BDAT_ARGUMENT = /^(\d+)(?: (.*))?$/;
const BDAT_SYNTAX: Fault = { code: 501, status: '5.5.4', text: 'Syntax: BDAT size [LAST]' };

/** RFC 3030 §2: BDAT SP chunk-size [SP "LAST"] */
function parseBdat(argument: string): Command {
  const match = BDAT_ARGUMENT.exec(argument);
  if (match?.[1] === undefined) return { verb: 'fault', fault: BDAT_SYNTAX };
  const number = Number(match[1]);
  // RFC 3030 §2: chunk-size = 1*DIGIT. Beyond 2^53 it could not be told from what follows it.
  const size = Number.isSafeInteger(number) ? number : Number.POSITIVE_INFINITY;
  const last = match[2]?.toUpperCase() === 'LAST';
  if (size === Number.POSITIVE_INFINITY || (match[2] !== undefined && !last))
    return { verb: 'BDAT', size, last: false, fault: BDAT_SYNTAX };
  return { verb: 'BDAT', size, last };
}

// RFC 4422 §3.1: sasl-mech is 1 to 20 of these.
const AUTH_ARGUMENT = /^([A-Z0-9_-]{1,20})(?: ([^ ]+))?$/i;

/** RFC 4954 §4: AUTH SP mechanism [SP initial-response]; the response is decoded where it is used. */
function parseAuth(argument: string): Command {
  const match = AUTH_ARGUMENT.exec(argument);
  if (match?.[1] === undefined) return badArgument('Syntax: AUTH mechanism [initial-response]');
  const mechanism = match[1].toUpperCase();
  return match[2] === undefined
    ? { verb: 'AUTH', mechanism }
    : { verb: 'AUTH', mechanism, initial: match[2] };
}

const KNOWN: ReadonlySet<string> = new Set<Exclude<Command['verb'], 'unknown' | 'fault'>>([
  'EHLO',
  'HELO',
  'LHLO',
  'MAIL',
  'RCPT',
  'DATA',
  'BDAT',
  'RSET',
  'NOOP',
  'HELP',
  'VRFY',
  'EXPN',
  'QUIT',
  'STARTTLS',
  'AUTH',
  'XCLIENT',
  'XFORWARD',
]);

/** RFC 5321 §4.2.3: 501 where the command is known and its arguments are at fault, 500 where it is no command at all. */
function badCharacters(verb: string, text: string): Command {
  if (KNOWN.has(verb)) return badArgument(text);
  return { verb: 'fault', fault: { code: 500, status: '5.5.2', text } };
}

/** 501 when the command is known and its argument is wrong. */
function badArgument(text: string): Command {
  return { verb: 'fault', fault: { code: 501, status: '5.5.4', text } };
}
