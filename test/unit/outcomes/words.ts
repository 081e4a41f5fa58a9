// The words of the table of outcomes: which hosts were tried, what happens next, and what the sender hears. Pure.

import type { Events } from '@posthouse/core';

export interface Heard {
  readonly exchanges: Events['exchange-finished'][];
  readonly settled: Events['recipient-settled'][];
  readonly attempts: { readonly next: number | undefined; readonly at: number }[];
  /** Ids of messages. */
  readonly notices: string[];
}

/** `mx1, mx2`, in their order; `kept`: over a connection from before. */
export function tried(exchanges: Heard['exchanges']): string {
  const words = exchanges.map(
    ({ host, reused, tls }) =>
      `${host.replace(/\.b\.example$/, '')}${reused ? ' kept' : ''}${tls === undefined ? '' : ' by TLS'}`,
  );
  return words.length === 0 ? 'nobody' : words.join(', ');
}

/** What became of the recipients in each attempt. */
export function outcomeOf(attempts: Heard['attempts'], settled: Heard['settled']): string {
  return attempts
    .map((attempt, index) => {
      const ofAttempt = settled.filter((each) => each.attempt === index + 1);
      const words = ofAttempt.map(({ outcome }) => wordsOf(outcome, attempt));
      if (new Set(words).size === 1) return words[0];
      return ofAttempt.map(({ recipient }, at) => `${recipient.split('@')[0]} ${words[at]}`).join(', ');
    })
    .join('; ');
}

function wordsOf(
  outcome: Events['recipient-settled']['outcome'],
  { next, at }: Heard['attempts'][number],
): string {
  if (outcome.kind === 'failed') return `failed ${outcome.status}`;
  if (outcome.kind !== 'deferred') return outcome.kind;
  if (next === undefined) return `given up, ${outcome.status}`;
  const rests = outcome.scope === 'destination' ? ', destination rests' : '';
  return `again in ${inWords(next - at)}, ${outcome.status}${rests}`;
}

/** `failed 5.1.1`, from the notices' own parts for programs. */
export function hears(notices: readonly string[]): string {
  const words = notices.flatMap((content) =>
    [...content.matchAll(/^Action: (\S+)\r\nStatus: (\S+)\r$/gm)].map(
      ([, action, status]) => `${action} ${status}`,
    ),
  );
  return words.length === 0 ? 'nothing' : words.join(', ');
}

function inWords(milliseconds: number): string {
  const minutes = milliseconds / 60_000;
  if (Number.isInteger(minutes / 60)) return `${minutes / 60}h`;
  return Number.isInteger(minutes) ? `${minutes}m` : `${milliseconds / 1000}s`;
}
