// How events are kept: a page holds those of one subject that came together, with the words under which it is found. Pure.

import type { TracedEvent } from '@posthouse/core';

export interface Page {
  /** `s:` and a session, `m:` a message, `i:` a queue item. */
  readonly subject: string;
  /** Of its first event, milliseconds since the epoch. */
  readonly at: number;
  /** Addresses and ids in small letters. */
  readonly words: readonly string[];
  /** JSON: a list of [at, name, facts]. */
  readonly events: string;
}

/** Longer ones name nothing: an address has 254 octets. */
const MAX_WORD = 320;
/** Words of one page; a message to more recipients is found under the first of them, and by its id. */
const MAX_WORDS = 2000;
const WORDS = ['remoteAddress', 'sender', 'recipient', 'to', 'message', 'item', 'user'] as const;

/** One page for each subject, in the order in which they first appear. Events of the server itself have no subject. */
export function pagesOf(events: readonly TracedEvent[]): readonly Page[] {
  const bySubject = new Map<string, TracedEvent[]>();
  for (const event of events) {
    const subject = subjectOf(event.facts);
    if (subject === undefined) continue;
    const same = bySubject.get(subject);
    if (same === undefined) bySubject.set(subject, [event]);
    else same.push(event);
  }
  return [...bySubject].map(([subject, own]) => ({
    subject,
    at: own[0]?.at ?? 0,
    words: wordsOf(own),
    events: JSON.stringify(own.map(({ at, name, facts }) => [at, name, facts])),
  }));
}

export function eventsOf({ events }: Pick<Page, 'events'>): readonly TracedEvent[] {
  const list = JSON.parse(events) as readonly [number, TracedEvent['name'], TracedEvent['facts']][];
  return list.map(([at, name, facts]) => ({ at, name, facts }));
}

/** Whether the event says something of this word, which is in small letters. */
export function mentions(event: TracedEvent, word: string): boolean {
  const words = new Set<string>();
  collect(event.facts, words);
  return words.has(word);
}

function subjectOf({ session, about, message, item }: TracedEvent['facts']): string | undefined {
  if (typeof session === 'string') return `s:${session}`;
  // A notice belongs to the story of the message that it is about.
  if (typeof about === 'string') return `m:${about}`;
  if (typeof message === 'string') return `m:${message}`;
  return typeof item === 'string' ? `i:${item}` : undefined;
}

function wordsOf(events: readonly TracedEvent[]): readonly string[] {
  const words = new Set<string>();
  for (const { facts } of events) {
    collect(facts, words);
    if (words.size > MAX_WORDS) break;
  }
  return [...words].slice(0, MAX_WORDS);
}

function collect(facts: TracedEvent['facts'], words: Set<string>): void {
  for (const key of WORDS) {
    const value = facts[key];
    if (typeof value === 'string' && value !== '' && value.length <= MAX_WORD) words.add(wordOf(value));
  }
  const { recipients } = facts;
  if (!Array.isArray(recipients)) return;
  for (const recipient of recipients)
    if (typeof recipient === 'string' && recipient.length <= MAX_WORD) words.add(wordOf(recipient));
}

/** Addresses are looked for as people type them; IPv4 over a dual-stack socket is IPv4. */
export function wordOf(text: string): string {
  return text.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '');
}
