// LMTP in a whole house (RFC 2033 §4.2): each recipient hears what became of the message for itself.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definePlugin, type RecipientVerdict, Verdict } from '../../src/index.ts';
import { deliverMemory, type HouseOptions, openHouse } from '../../src/testing/index.ts';

const OF: Readonly<Record<string, RecipientVerdict>> = {
  rejected: Verdict.reject('5.2.2', 'Mailbox full'),
  deferred: Verdict.defer('4.2.1', 'Mailbox busy'),
  discarded: Verdict.discard('unwanted'),
  quarantined: Verdict.quarantine('odd'),
};

const judge = definePlugin({
  name: 'judge',
  setup: () => ({
    hooks: {
      'on-rcpt': () => Verdict.accept(),
      'on-data': ({ recipients, sender }) =>
        sender?.local === 'spammer'
          ? Verdict.reject('5.7.1', 'Spam')
          : Verdict.perRecipient(
              new Map(
                recipients.flatMap((recipient) => {
                  const verdict = OF[recipient.local];
                  return verdict === undefined ? [] : [[recipient, verdict] as const];
                }),
              ),
            ),
    },
  }),
});

const lmtp = (plugins: HouseOptions['plugins']) =>
  openHouse({ plugins, listeners: [{ name: 'mx', host: '127.0.0.1', port: 0, protocol: 'lmtp' }] });

function dialogue(sender: string, recipients: readonly string[], replies: readonly string[]): string {
  return [
    'S: 220 *',
    'C: LHLO client.example',
    'S: 250-*',
    'S: 250 *',
    `C: MAIL FROM:<${sender}@client.example>`,
    'S: 250 *',
    ...recipients.flatMap((local) => [`C: RCPT TO:<${local}@x.example>`, 'S: 250 *']),
    'C: DATA',
    'S: 354 *',
    'C: Subject: x',
    'C:',
    'C: Hello',
    'C: .',
    ...replies.map((reply) => `S: ${reply}`),
    'C: QUIT',
    'S: 221 *',
    'S: EOF',
  ].join('\n');
}

test('each recipient has the reply of its own verdict, and only the accepted ones get the message', async () => {
  const transport = deliverMemory();
  await using house = await lmtp([judge(), transport]);
  await house.talk(
    dialogue(
      'ann',
      ['rejected', 'bea', 'deferred', 'discarded', 'quarantined', 'cyd'],
      [
        '550 5.2.2 Mailbox full',
        '250 2.0.0 Queued *',
        '450 4.2.1 Mailbox busy',
        '250 2.0.0 Queued *',
        '250 2.0.0 Queued *',
        '250 2.0.0 Queued *',
      ],
    ),
  );
  const [message, ...more] = await transport.delivered(1);
  assert.match(message?.content ?? '', /by \S+ with LMTP id /);
  assert.deepEqual(more, []);
  assert.deepEqual(
    house.events('message-queued').map(({ held }) => held),
    [true],
  );
  assert.equal(house.events('message-discarded').length, 1);
});

test('where every recipient is refused, nothing is queued and no message counts', async () => {
  await using house = await lmtp([judge(), deliverMemory()]);
  await house.talk(dialogue('ann', ['rejected', 'deferred'], ['550 5.2.2 *', '450 4.2.1 *']));
  assert.deepEqual(house.events('message-queued'), []);
  assert.deepEqual(
    house.events('connection-closed').map(({ messages }) => messages),
    [0],
  );
});

test('a veto of the whole message is said to each recipient', async () => {
  await using house = await lmtp([judge(), deliverMemory()]);
  await house.talk(dialogue('spammer', ['bea', 'rejected'], ['550 5.7.1 Spam', '550 5.7.1 Spam']));
  assert.deepEqual(house.events('message-queued'), []);
});
