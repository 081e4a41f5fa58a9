// The milter protocol, version 6: its letters and bits under the names of libmilter (mfdef.h), and frames as they are
// written. Pure.

export const VERSION = 6;

/** The stages of a session in which a milter is told something and may ask for macros. */
export type Stage = 'connect' | 'helo' | 'mail' | 'rcpt' | 'data' | 'eoh' | 'eom';

/** The letter of each command (SMFIC_*). */
export const COMMAND = {
  negotiate: 'O',
  macro: 'D',
  connect: 'C',
  helo: 'H',
  mail: 'M',
  rcpt: 'R',
  data: 'T',
  header: 'L',
  eoh: 'N',
  body: 'B',
  eom: 'E',
  abort: 'A',
  quit: 'Q',
} as const;
export type Command = keyof typeof COMMAND;

/** What a milter may ask for at the end of a message (SMFIF_*), under the names of the configuration. */
export const ACTION = {
  'add-headers': 0x1,
  'change-body': 0x2,
  'add-recipients': 0x4,
  'delete-recipients': 0x8,
  'change-headers': 0x10,
  quarantine: 0x20,
  'change-sender': 0x40,
} as const;
export type ActionName = keyof typeof ACTION;
/** It names its macros by itself (SMFIF_SETSYMLIST). */
export const SETS_MACROS = 0x100;

/** What a milter does not want to hear (SMFIP_NO*). */
export const UNWANTED = {
  connect: 0x1,
  helo: 0x2,
  mail: 0x4,
  rcpt: 0x8,
  body: 0x10,
  header: 0x20,
  eoh: 0x40,
  data: 0x200,
} as const;
/** What it does not answer (SMFIP_NR_*). */
export const UNANSWERED = {
  header: 0x80,
  connect: 0x1000,
  helo: 0x2000,
  mail: 0x4000,
  rcpt: 0x8000,
  data: 0x10000,
  eoh: 0x40000,
  body: 0x80000,
} as const;
export type Told = keyof typeof UNANSWERED;
/** It does not hear unknown commands, or does not answer them: they are not told here. */
const UNKNOWN_COMMANDS = 0x100 | 0x20000;
/** It may say that it has seen enough of the body (SMFIP_SKIP). */
export const MAY_SKIP = 0x400;
/** Values of fields come with the white space behind the colon (SMFIP_HDR_LEADSPC). */
export const LEADING_SPACE = 0x100000;

export const OFFERED_STEPS =
  [...Object.values(UNWANTED), ...Object.values(UNANSWERED)].reduce((all, bit) => all | bit, 0) |
  UNKNOWN_COMMANDS |
  MAY_SKIP |
  LEADING_SPACE;

/** Octets of a body in one frame (MILTER_CHUNK_SIZE). */
export const CHUNK = 65_535;

/** A milter said what the protocol does not know, or not there. */
export class Nonsense extends Error {}

/** Length, command, data. Strings are octets as latin1. */
export function frame(command: Command, ...parts: readonly (string | Uint8Array)[]): Buffer {
  const data = parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part));
  const size = data.reduce((sum, { length }) => sum + length, 1);
  const head = Buffer.allocUnsafe(5);
  head.writeUInt32BE(size);
  head.write(COMMAND[command], 4, 'latin1');
  return Buffer.concat([head, ...data]);
}

/** A string of the protocol: octets without NUL, and NUL. Text goes out as UTF-8. */
export function string(text: string): string {
  return `${Buffer.from(text, 'utf8').toString('latin1').replaceAll('\0', '')}\0`;
}
