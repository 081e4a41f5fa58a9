// The right-hand side of an entry: what follows, in the words of Postfix's access(5). Pure.

import { isPermanentStatus, isTransientStatus } from '@posthouse/core';

export type Action =
  /** Nothing more is asked here, and plugins that judge by circumstances leave it alone. */
  | { readonly kind: 'ok' }
  /** No opinion: the next rule is asked. */
  | { readonly kind: 'dunno' }
  | Refusal<'reject'>
  | Refusal<'defer'>
  | { readonly kind: 'disconnect'; readonly text?: string }
  /** What can only be done with a whole message. */
  | { readonly kind: 'discard'; readonly text?: string }
  | { readonly kind: 'hold'; readonly text?: string }
  | { readonly kind: 'prepend'; readonly name: string; readonly value: string }
  | { readonly kind: 'log'; readonly level: 'info' | 'warn'; readonly text: string };

export interface Refusal<K extends 'reject' | 'defer'> {
  readonly kind: K;
  readonly code?: number;
  readonly status?: string;
  readonly text?: string;
}

/** Words of access(5), in capitals here as there. */
const WORDS = [
  'OK',
  'DUNNO',
  'REJECT',
  'DEFER',
  'DEFER_IF_PERMIT',
  'DISCARD',
  'HOLD',
  'PREPEND',
  'INFO',
  'WARN',
];
const NOT_HERE = new Map([
  ['DEFER_IF_REJECT', 'refusals are not put off here'],
  ['FILTER', 'filters are plugins here'],
  ['REDIRECT', 'route-aliases redirects'],
  ['BCC', 'route-aliases copies'],
]);

/** The action, or what is wrong with it. */
export function parseAction(text: string): Action | string {
  const [, word = '', rest = ''] = /^(\S*)\s*(.*)$/.exec(text.trim()) ?? [];
  const name = word.toUpperCase();
  const said = rest === '' ? {} : { text: rest };
  if (name === 'OK' || (/^\d+$/.test(word) && !/^[45]\d\d$/.test(word))) return { kind: 'ok' };
  if (/^[45]\d\d$/.test(word)) return replyOf(Number(word), rest);
  switch (name) {
    case 'DUNNO':
      return { kind: 'dunno' };
    case 'REJECT':
      return withStatus('reject', rest);
    case 'DEFER':
    case 'DEFER_IF_PERMIT':
      return withStatus('defer', rest);
    case 'DISCARD':
    case 'HOLD':
      return { kind: name === 'HOLD' ? 'hold' : 'discard', ...said };
    case 'INFO':
    case 'WARN':
      return { kind: 'log', level: name === 'WARN' ? 'warn' : 'info', text: rest };
    case 'PREPEND': {
      const [, field, value] = /^([!-9;-~]+):\s*(.*)$/.exec(rest) ?? [];
      if (field === undefined) return `PREPEND takes a header field, "Name: value", not "${rest}"`;
      return { kind: 'prepend', name: field, value: value ?? '' };
    }
    default: {
      const why = NOT_HERE.get(name);
      if (why !== undefined) return `${name} is not for check-access: ${why}`;
      if (word === '') return 'the action is missing: REJECT, OK…';
      const meant = closest(name, WORDS);
      return `unknown action "${word}"${meant === undefined ? `; it may be ${WORDS.join(', ')}, or a reply code with text` : `; did you mean ${meant}?`}`;
    }
  }
}

/** A reply code with a text, and perhaps an enhanced status in front of that. */
function replyOf(code: number, rest: string): Action | string {
  if (code === 421) return { kind: 'disconnect', ...(rest !== '' && { text: rest }) };
  if (code % 100 > 59) return `${code} is no reply code of SMTP`;
  const action = withStatus(code < 500 ? 'defer' : 'reject', rest);
  return typeof action === 'string' ? action : { ...action, code };
}

function withStatus<K extends 'reject' | 'defer'>(kind: K, rest: string): Refusal<K> | string {
  const [, status, text = ''] = /^(\d\.\d{1,3}\.\d{1,3})?\s*(.*)$/.exec(rest) ?? [];
  if (status !== undefined) {
    const fits = kind === 'reject' ? isPermanentStatus(status) : isTransientStatus(status);
    if (!fits) return `the status ${status} does not fit ${kind === 'reject' ? 'a refusal' : 'a deferral'}`;
  }
  return { kind, ...(status !== undefined && { status }), ...(text !== '' && { text }) };
}

/** The one of the words that takes the fewest changes, where few enough do. */
export function closest(word: string, words: readonly string[]): string | undefined {
  const [best] = words
    .map((each) => ({ each, changes: distance(word, each) }))
    .sort((a, b) => a.changes - b.changes);
  return best !== undefined && best.changes <= Math.max(1, Math.floor(word.length / 3))
    ? best.each
    : undefined;
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1)
      next.push(
        Math.min(
          (row[j] ?? 0) + 1,
          (next[j - 1] ?? 0) + 1,
          (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1),
        ),
      );
    row = next;
  }
  return row[b.length] ?? 0;
}
