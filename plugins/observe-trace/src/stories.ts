// From pages to stories: what a word leads to, message by message, and of connections that brought none. Pure.

import type { Story, TracedEvent } from '@posthouse/core';
import { eventsOf, mentions, wordOf } from './pages.ts';
import type { StoredPage } from './segment.ts';

export interface PageIndex {
  about(subject: string, limit: number): readonly StoredPage[];
  mentioning(word: string, limit: number): readonly StoredPage[];
}

/** Pages that one question reads of one subject, and finds for one word. */
const MAX_PAGES = 1000;

export function storiesFor(word: string, limit: number, index: PageIndex): readonly Story[] {
  const telling = new Telling(index);
  const wanted = wordOf(word);
  if (index.about(`s:${word}`, 1).length > 0) telling.session(word, () => true);
  if (index.about(`m:${word}`, 1).length > 0) telling.message(word);
  for (const { subject } of index.mentioning(wanted, MAX_PAGES)) {
    if (telling.stories.length >= limit) break;
    const id = subject.slice(2);
    if (subject.startsWith('m:')) telling.message(id);
    else if (subject.startsWith('s:'))
      telling.session(id, (events) => events.some((event) => mentions(event, wanted)));
  }
  return telling.stories.toSorted((a, b) => (b.events[0]?.at ?? 0) - (a.events[0]?.at ?? 0)).slice(0, limit);
}

class Telling {
  readonly stories: Story[] = [];
  readonly #index: PageIndex;
  readonly #told = new Set<string>();

  constructor(index: PageIndex) {
    this.#index = index;
  }

  /** The story of a message, from the connection that brought it to its last attempt. */
  message(id: string): void {
    if (this.#told.has(id)) return;
    this.#told.add(id);
    // The page that says it was queued is that of its session.
    const brought = this.#index
      .mentioning(wordOf(id), MAX_PAGES)
      .find(({ subject }) => subject.startsWith('s:'));
    const session = brought?.subject.slice(2);
    const dialogue =
      session === undefined ? [] : (this.#parts(session).find(({ message }) => message === id)?.events ?? []);
    const later = this.#eventsOf(`m:${id}`);
    const items = new Set(later.flatMap(({ facts }) => (typeof facts.item === 'string' ? [facts.item] : [])));
    const troubles = [...items].flatMap((item) => this.#eventsOf(`i:${item}`));
    const events = [...dialogue, ...later, ...troubles].sort((a, b) => a.at - b.at);
    this.stories.push({ ...(session !== undefined && { session }), message: id, events });
  }

  /** What a connection brought: a story for each message, and one for each transaction that came to nothing. */
  session(id: string, fits: (events: readonly TracedEvent[]) => boolean): void {
    for (const [index, { message, events }] of this.#parts(id).entries()) {
      if (!fits(events)) continue;
      if (message !== undefined) {
        this.message(message);
        continue;
      }
      const key = `${id} ${index}`;
      if (this.#told.has(key)) continue;
      this.#told.add(key);
      this.stories.push({ session: id, events });
    }
  }

  #parts(session: string): readonly Part[] {
    return partsOf(this.#eventsOf(`s:${session}`));
  }

  #eventsOf(subject: string): readonly TracedEvent[] {
    return this.#index.about(subject, MAX_PAGES).flatMap(eventsOf);
  }
}

export interface Part {
  /** The message that was queued. */
  readonly message: string | undefined;
  readonly events: readonly TracedEvent[];
}

/** A session cut into its transactions; what was said before and after them belongs to each. */
export function partsOf(events: readonly TracedEvent[]): readonly Part[] {
  const before: TracedEvent[] = [];
  const after: TracedEvent[] = [];
  const transactions: TracedEvent[][] = [];
  for (const event of events) {
    const { name, facts } = event;
    const current = transactions.at(-1);
    if (name === 'connection-closed') after.push(event);
    else if (facts.hook === 'on-mail-from' && !(current?.every(isMailFrom) ?? false))
      transactions.push([event]);
    else if (current === undefined) before.push(event);
    else current.push(event);
  }
  if (transactions.length === 0) return [{ message: undefined, events: [...before, ...after] }];
  return transactions.map((own) => ({
    message: own.find(({ name }) => name === 'message-queued')?.facts.message as string | undefined,
    events: [...before, ...own, ...after],
  }));
}

/** Several handlers speak of one MAIL. */
function isMailFrom({ facts }: TracedEvent): boolean {
  return facts.hook === 'on-mail-from';
}
