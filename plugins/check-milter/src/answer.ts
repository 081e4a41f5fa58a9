// What a milter answers, read with suspicion: one frame as a value, or Nonsense. Pure.

import { isPermanentStatus, isTransientStatus } from '@posthouse/core';
import type { Frame } from './frame-reader.ts';
import { type ActionName, Nonsense } from './protocol.ts';

/** What it asks for at the end of a message, and which action it must have been offered. */
export type Change =
  | { readonly kind: 'add-header'; readonly name: string; readonly value: string }
  | { readonly kind: 'insert-header'; readonly index: number; readonly name: string; readonly value: string }
  /** '' takes the field out. The index counts from 1 among the fields of that name. */
  | { readonly kind: 'change-header'; readonly index: number; readonly name: string; readonly value: string }
  | { readonly kind: 'replace-body'; readonly octets: Buffer }
  | { readonly kind: 'add-recipient'; readonly address: string }
  | { readonly kind: 'delete-recipient'; readonly address: string }
  | { readonly kind: 'change-sender'; readonly address: string }
  | { readonly kind: 'quarantine'; readonly reason: string };

export type Word =
  | { readonly kind: 'continue' | 'accept' | 'reject' | 'defer' | 'discard' | 'skip' | 'shutdown' }
  | { readonly kind: 'reply'; readonly code: number; readonly status?: string; readonly text: string };

export type Answer = Word | Change | { readonly kind: 'progress' };

const WORDS: Readonly<Record<string, Answer>> = {
  c: { kind: 'continue' },
  a: { kind: 'accept' },
  r: { kind: 'reject' },
  t: { kind: 'defer' },
  d: { kind: 'discard' },
  s: { kind: 'skip' },
  p: { kind: 'progress' },
  '4': { kind: 'shutdown' },
  // SMFIR_CONN_FAIL: the connection is to fail, for now.
  f: { kind: 'shutdown' },
};

export const ACTION_OF: { readonly [K in Change['kind']]: ActionName } = {
  'add-header': 'add-headers',
  'insert-header': 'add-headers',
  'change-header': 'change-headers',
  'replace-body': 'change-body',
  'add-recipient': 'add-recipients',
  'delete-recipient': 'delete-recipients',
  'change-sender': 'change-sender',
  quarantine: 'quarantine',
};

export function readAnswer({ letter, data }: Frame): Answer {
  const word = WORDS[letter];
  if (word !== undefined) return word;
  switch (letter) {
    case 'y':
      return reply(strings(data, 1)[0] as string);
    case 'h': {
      const [name, value] = strings(data, 2) as [string, string];
      return { kind: 'add-header', ...field(name, value) };
    }
    case 'i':
    case 'm': {
      const [name, value] = strings(data.subarray(4), 2) as [string, string];
      const kind = letter === 'i' ? 'insert-header' : 'change-header';
      return { kind, index: data.readUInt32BE(0), ...field(name, value) };
    }
    case 'b':
      return { kind: 'replace-body', octets: data };
    case '+':
      return { kind: 'add-recipient', address: bare(strings(data, 1)[0] as string) };
    case '-':
      return { kind: 'delete-recipient', address: bare(strings(data, 1)[0] as string) };
    case 'e':
      return { kind: 'change-sender', address: bare(strings(data, 1)[0] as string) };
    case 'q':
      return { kind: 'quarantine', reason: strings(data, 1)[0] as string };
    default:
      throw new Nonsense(`an answer ${JSON.stringify(letter)}`);
  }
}

/** That many strings, each with its NUL; further ones (parameters of addresses) are left alone. */
function strings(data: Buffer, count: number): readonly string[] {
  const found: string[] = [];
  let at = 0;
  while (found.length < count) {
    const end = data.indexOf(0, at);
    if (end === -1) throw new Nonsense('a string without its end');
    found.push(textOf(data.subarray(at, end)));
    at = end + 1;
  }
  return found;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(octets: Buffer): string {
  try {
    return UTF8.decode(octets);
  } catch {
    return octets.toString('latin1');
  }
}

// RFC 5322 §2.2; 77 leaves room for the colon on a line of 78.
const NAME = /^[!-9;-~]{1,77}$/;

/** Milters end folded lines with LF, those of the message come with CRLF. */
function field(name: string, value: string): { readonly name: string; readonly value: string } {
  if (!NAME.test(name)) throw new Nonsense(`a field named ${JSON.stringify(name.slice(0, 100))}`);
  const folded = value
    .replace(/^ /, '')
    .replace(/[ \t\r\n]+$/, '')
    .replace(/\r*\n/g, '\r\n');
  if (/\r(?!\n)/.test(folded) || /\r\n(?![ \t]+[^ \t\r\n])/.test(folded))
    throw new Nonsense(`a value of ${name} that would end its field`);
  return { name, value: folded };
}

function bare(address: string): string {
  return address.trim().replace(/^<(.*)>$/, '$1');
}

/** `550 5.7.1 Text`, with further lines `550-…` in front. The code is not always that of the status: then it is nonsense. */
function reply(text: string): Word {
  const lines = text.split(/\r?\n/).filter((line) => line !== '');
  const parts = lines.map((line) =>
    /^([45]\d\d)(?:[ -]|$)(?:([45]\.\d{1,3}\.\d{1,3})(?: |$))?(.*)$/.exec(line),
  );
  const first = parts[0];
  if (first === null || first === undefined || parts.includes(null))
    throw new Nonsense(`a reply ${JSON.stringify(text.slice(0, 100))}`);
  const code = Number(first[1]);
  const status = first[2];
  if (code % 100 >= 60 || parts.some((part) => Number(part?.[1]) !== code))
    throw new Nonsense(`a reply with the code ${code}`);
  if (status !== undefined && !(code < 500 ? isTransientStatus(status) : isPermanentStatus(status)))
    throw new Nonsense(`a reply ${code} with the status ${status}`);
  return {
    kind: 'reply',
    code,
    ...(status !== undefined && { status }),
    text: parts
      .map((part) => part?.[3] ?? '')
      .join(' ')
      .slice(0, MAX_TEXT),
  };
}

const MAX_TEXT = 400;
