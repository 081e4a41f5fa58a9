// What a story comes to, in a sentence for each thing that an administrator has to know. Pure.
// Facts are partly from outside: everything that is put into a sentence is made visible first.

import { BOUNCE_CLASSES, type Story, type TracedEvent } from '../contract/index.ts';
import { visible } from './columns.ts';
import { nextHopSentences } from './why-next-hop.ts';

type Facts = TracedEvent['facts'];

/** The commands that the hooks stand at. */
export const AT: Readonly<Record<string, string>> = {
  'on-connect': 'at the connection',
  'on-mail-from': 'at MAIL',
  'on-rcpt': 'at RCPT',
  'on-data': 'at the end of the message',
};

export function conclusionsOf({ events }: Story): readonly string[] {
  const queued = events.some(({ name }) => name === 'message-queued');
  const sentences = [
    ...events.flatMap(ofObserver),
    ...refusals(events, queued),
    ...events.flatMap(ofDiscarded),
    ...ofHeld(events),
    ...events.flatMap(ofOperator),
    ...fates(events),
    ...nextHopSentences(events),
  ];
  if (sentences.length > 0) return [...new Set(sentences)];
  if (queued) return ['It is in the queue, and no attempt has ended yet.'];
  const closed = events.find(({ name }) => name === 'connection-closed');
  if (closed !== undefined) return [`No message came: ${text(closed.facts.why)}.`];
  return ['Nothing has been decided yet.'];
}

/** A value from outside on one line. */
export function text(value: unknown): string {
  return value === undefined || value === null
    ? ''
    : visible(typeof value === 'string' ? value : JSON.stringify(value));
}

export function address(value: unknown): string {
  return `<${text(value)}>`;
}

export function time(at: unknown): string {
  return typeof at === 'number'
    ? new Date(at)
        .toISOString()
        .replace('T', ' ')
        .replace(/\.\d+Z$/, ' UTC')
    : text(at);
}

/** Why whoever reads this may be glad of the mode. */
function ofObserver({ name, facts }: TracedEvent): readonly string[] {
  if (name !== 'verdict-given' || facts.applied !== false || facts.verdict === 'accept') return [];
  return [
    `${text(facts.plugin)} would have ${PAST[String(facts.verdict)] ?? text(facts.verdict)} ${subjectOf(facts)} ${AT[String(facts.hook)] ?? ''}${because(facts)}; it only observes (mode: observe).`,
  ];
}

const PAST: Readonly<Record<string, string>> = {
  reject: 'refused',
  defer: 'deferred',
  disconnect: 'disconnected',
  discard: 'discarded',
  quarantine: 'quarantined',
};

function refusals(events: readonly TracedEvent[], queued: boolean): readonly string[] {
  const sentences: string[] = [];
  for (const { name, facts } of events) {
    if (name === 'verdict-given' && facts.applied === true) {
      const said = PAST[String(facts.verdict)];
      if (said === undefined || facts.verdict === 'discard' || facts.verdict === 'quarantine') continue;
      sentences.push(
        facts.plugin === null && facts.hook === 'on-rcpt'
          ? `No plugin accepts mail for ${address(facts.recipient)}, so it was refused with ${reply(facts)}: a closed house relays nothing. An accept-* plugin must know the domain, or trust the client.`
          : `${text(facts.plugin) || 'The server'} ${said} ${subjectOf(facts)} ${AT[String(facts.hook)] ?? ''}${because(facts)}.`,
      );
    } else if (name === 'command-refused' && !queued) {
      sentences.push(
        `The server refused a command of the client with ${text(facts.code)} ${text(facts.status)} ${text(facts.text)}.`,
      );
    } else if (name === 'handler-failed' && facts.hook !== 'on-deliver') {
      sentences.push(
        `${text(facts.plugin)} failed ${AT[String(facts.hook)] ?? ''}: ${PROBLEM[String(facts.problem)] ?? text(facts.problem)} (${text(facts.error)}). The client was told 451 unless the plugin's entry says onError: pass.`,
      );
    }
  }
  return sentences;
}

const PROBLEM: Readonly<Record<string, string>> = {
  threw: 'it threw an error',
  'timed-out': 'it took too long',
  'illegal-answer': 'it answered what it may not',
};

function subjectOf({ hook, sender, recipient }: Facts): string {
  if (hook === 'on-connect') return 'the client';
  if (recipient !== undefined) return `mail for ${address(recipient)}`;
  return sender === undefined ? 'the message' : `mail from ${address(sender)}`;
}

function because({ status, text: words, reason }: Facts): string {
  const said = [status, words]
    .filter((part) => part !== undefined)
    .map(text)
    .join(' ');
  const tag = reason === undefined ? '' : ` [${text(reason)}]`;
  return said === '' && tag === '' ? '' : `: ${said}${tag}`.replace(':  [', ': [');
}

function reply({ status, text: words }: Facts): string {
  return [status, words]
    .filter((part) => part !== undefined)
    .map(text)
    .join(' ');
}

function ofDiscarded({ name, facts }: TracedEvent): readonly string[] {
  if (name !== 'message-discarded') return [];
  const recipients = (facts.recipients as readonly unknown[]).map(address).join(', ');
  return [
    `${text(facts.plugin)} had the message for ${recipients} thrown away, and the client was told 250: ${text(facts.reason)}.`,
  ];
}

function ofHeld(events: readonly TracedEvent[]): readonly string[] {
  const held = events.find(({ name, facts }) => name === 'message-queued' && facts.held === true);
  if (held === undefined) return [];
  const by = events.find(({ facts }) => facts.verdict === 'quarantine' && facts.applied === true)?.facts;
  // Who it is held for has been decided since, where an attempt was made.
  const why = by === undefined ? '' : ` by ${text(by.plugin)}: ${text(by.reason)}`;
  const quarantined = `The message was quarantined${why}.`;
  const decided = events.some(
    ({ name, facts }) =>
      name === 'quarantine-expired' || (name === 'queue-changed' && DECISIONS.has(facts.action)),
  );
  if (decided) return [quarantined];
  const id = text(held.facts.message);
  return [
    `${quarantined} What is held waits for you: posthouse queue release ${id}, or posthouse queue drop ${id}. When its time is over (delivery.quarantineFor) it is dropped, and nobody is told.`,
  ];
}

const DECISIONS: ReadonlySet<unknown> = new Set(['released', 'dropped', 'bounced']);

/** What people did by hand, and left undone. */
function ofOperator({ at, name, facts }: TracedEvent): readonly string[] {
  if (name !== 'queue-changed' && name !== 'quarantine-expired') return [];
  const whom = (facts.recipients as readonly unknown[]).map(address).join(', ');
  if (name === 'quarantine-expired')
    return [
      `Nobody released it from quarantine for ${whom}: at ${time(at)} it was dropped, and nobody was told.`,
    ];
  const said = BY_HAND[String(facts.action)];
  return said === undefined ? [] : [`At ${time(at)} an operator ${said(facts, whom)}.`];
}

const BY_HAND: Readonly<Record<string, (facts: Facts, whom: string) => string>> = {
  held: ({ message }, whom) =>
    `held the message for ${whom} (posthouse queue release ${text(message)} lets it go)`,
  released: (_, whom) => `released the message for ${whom}`,
  rerouted: ({ transport, destination }, whom) =>
    transport === null
      ? `had the message for ${whom} routed anew`
      : `sent the message for ${whom} to ${text(transport)} ${text(destination)}`,
  bounced: ({ text: words }, whom) => `returned the message for ${whom} to its sender: ${text(words)}`,
  dropped: ({ inDelivery }, whom) =>
    `dropped the message for ${whom}, and nobody was told${inDelivery === true ? '; it was being delivered at that moment, and may have arrived' : ''}`,
};

/** What became of each recipient in the end. */
function fates(events: readonly TracedEvent[]): readonly string[] {
  const last = new Map<unknown, Facts>();
  const next = new Map<unknown, unknown>();
  for (const { name, facts } of events) {
    if (name === 'recipient-settled') last.set(facts.recipient, facts);
    else if (name === 'attempt-finished') next.set(facts.item, facts.next);
  }
  const notice = noticeOf(events);
  return [...last.values()].map((facts) => fate(facts, next.get(facts.item), notice));
}

function fate(facts: Facts, next: unknown, notice: string): string {
  const outcome = facts.outcome as Facts;
  const to = address(facts.recipient);
  const attempts = `${text(facts.attempt)} ${facts.attempt === 1 ? 'attempt' : 'attempts'}`;
  const words = `${text(outcome.status)} ${text(outcome.text)}`;
  const meaning = meaningOf(outcome.class);
  switch (outcome.kind) {
    case 'delivered':
      return `It was delivered for ${to} after ${attempts}${outcome.text === undefined ? '' : `: ${text(outcome.text)}`}.`;
    case 'deferred':
      return next === undefined
        ? `It was given up for ${to} after ${attempts}, since its time was up; the last problem was: ${words}.${meaning} ${notice}`
        : `It waits for ${to} after ${attempts}: ${words}.${meaning} The next attempt is due at ${time(next)}.`;
    case 'failed':
      return `It failed for good for ${to} after ${attempts}: ${words}.${meaning} ${notice}`;
    case 'redirected': {
      const targets = (outcome.to as readonly unknown[]).map(address).join(', ');
      return `It goes on from ${to} to ${targets}.`;
    }
    default:
      return `It was discarded for ${to}: ${text(outcome.reason)}.`;
  }
}

/** Of a class of BOUNCE_CLASSES that says something. */
function meaningOf(given: unknown): string {
  const name = String(given);
  if (given === 'other' || !Object.hasOwn(BOUNCE_CLASSES, name)) return '';
  return ` ${BOUNCE_CLASSES[name as keyof typeof BOUNCE_CLASSES]} (${name}).`;
}

/** Who heard of a failure. */
function noticeOf(events: readonly TracedEvent[]): string {
  const told = events.find(({ name, facts }) => name === 'notice-queued' && facts.action === 'failed')?.facts;
  if (told !== undefined) return `${address(told.to)} was told (${text(told.message)}).`;
  const dropped = events.some(({ name }) => name === 'notice-dropped');
  return dropped ? 'Nobody was told: its sender is the null sender.' : 'Its sender was not told.';
}
