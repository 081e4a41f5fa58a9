import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conclusionsOf } from '../../src/cli/why-conclusion.ts';
import { storyText } from '../../src/cli/why-text.ts';
import type { EventName, Events, TracedEvent } from '../../src/contract/index.ts';

const AT = Date.parse('2026-03-01T12:00:00Z');

function told<E extends EventName>(name: E, facts: Events[E]): TracedEvent {
  return { at: AT, name, facts: { ...facts } };
}

const queued = told('message-queued', {
  session: 'S1',
  message: 'M1',
  sender: 'ann@a.example',
  recipients: ['bob@b.example'],
  size: 100,
  held: true,
});
const item = { item: 'I1', message: 'M1', sender: 'ann@a.example', recipients: ['bob@b.example'] };
const changed = (facts: Omit<Events['queue-changed'], keyof typeof item>) =>
  told('queue-changed', { ...item, ...facts });

test('what an operator did by hand has a sentence, and what he decided is no more waited for', () => {
  const table: readonly (readonly [TracedEvent, RegExp, RegExp])[] = [
    [
      changed({ action: 'held' }),
      /waits for you.*At 2026-03-01 12:00:00 UTC an operator held the message for <bob@b\.example> \(posthouse queue release M1 lets it go\)\.$/,
      /held by an operator, item I1$/,
    ],
    [
      changed({ action: 'released' }),
      /^The message was quarantined\. At .* an operator released the message for <bob@b\.example>\.$/,
      /released by an operator, item I1$/,
    ],
    [
      changed({ action: 'rerouted', transport: 'deliver-smtp', destination: '[relay.example]:25' }),
      /an operator sent the message for <bob@b\.example> to deliver-smtp \[relay\.example\]:25\.$/,
      /rerouted by an operator to deliver-smtp \[relay\.example\]:25, item I1$/,
    ],
    [
      changed({ action: 'rerouted', transport: null, destination: '' }),
      /an operator had the message for <bob@b\.example> routed anew\.$/,
      /rerouted by an operator to whoever claims it, item I1$/,
    ],
    [
      changed({ action: 'bounced', text: 'Not here\r\n' }),
      /returned the message for <bob@b\.example> to its sender: Not here\\u\{d\}\\u\{a\}\.$/,
      /bounced by an operator: Not here\\u\{d\}\\u\{a\}, item I1$/,
    ],
    [
      changed({ action: 'dropped', inDelivery: true }),
      /dropped the message for <bob@b\.example>, and nobody was told; it was being delivered at that moment, and may have arrived\.$/,
      /dropped by an operator \(in mid-delivery\), item I1$/,
    ],
    [
      told('quarantine-expired', { ...item, plugin: 'check-virus', text: 'looks odd' }),
      /^The message was quarantined\. Nobody released it from quarantine for <bob@b\.example>: at 2026-03-01 12:00:00 UTC it was dropped, and nobody was told\.$/,
      /dropped: nobody released it from the quarantine of check-virus \(looks odd\)$/,
    ],
  ];
  for (const [event, sentence, line] of table) {
    const story = { message: 'M1', events: [queued, event] };
    assert.match(conclusionsOf(story).join(' '), sentence);
    assert.match(storyText(story).trimEnd(), line);
  }
});
