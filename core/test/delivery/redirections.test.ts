// Redirections: the items of other recipients in place of one, in one change of the queue.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Outcome, type QueueChange } from '../../src/contract/index.ts';
import { mailbox } from '../../src/smtp/index.ts';
import { openRoom, watched } from './room.ts';

const delivered = () => Outcome.delivered();

test('a redirection makes new items, claimed anew, in the change that ends the old one', async () => {
  const changes: QueueChange[] = [];
  const about: (readonly string[])[] = [];
  const room = openRoom({
    store: (real) => watched(real, (change) => void changes.push(change)),
    transports: [
      {
        name: 'route-aliases',
        claim: (recipient, { redirectedBy }) => {
          about.push(redirectedBy);
          return recipient.local === 'team' ? 'aliases' : undefined;
        },
        answer: () => Outcome.redirected([mailbox('one@a.example'), mailbox('two@b.example')]),
      },
      { answer: delivered },
    ],
  });
  await room.send({ to: ['team@a.example'], item: { priority: 'bulk' } });
  await room.clock.advance(0);
  assert.deepEqual([changes[0]?.add?.length, changes[0]?.remove?.length], [2, 1]);
  assert.deepEqual(
    changes[0]?.add?.map(({ priority }) => priority),
    ['bulk', 'bulk'],
  );
  assert.deepEqual(room.deliveries.slice(1), [
    'deliver-test:a.example one@a.example #1',
    'deliver-test:b.example two@b.example #1',
  ]);
  assert.deepEqual(about.at(-1), ['route-aliases']);
  assert.deepEqual(await room.items(), []);
});

test('aliases that lead to each other end in a bounce 5.4.6', async () => {
  const room = openRoom({
    transports: [
      {
        name: 'route-aliases',
        claim: ({ domain }) => (domain === 'a.example' ? 'aliases' : undefined),
        answer: ({ recipients }) =>
          Outcome.redirected([
            mailbox(recipients[0]?.address.local === 'ping' ? 'pong@a.example' : 'ping@a.example'),
          ]),
      },
      { answer: delivered },
    ],
  });
  await room.send({ to: ['ping@a.example'] });
  await room.clock.advance(1000);
  assert.equal(room.deliveries.filter((each) => each.startsWith('route-aliases')).length, 4);
  const settled = room.events('recipient-settled').filter(({ outcome }) => outcome.kind === 'redirected');
  assert.equal(settled.length, 4);
  assert.deepEqual(room.events('notice-queued').length, 1);
  assert.deepEqual(await room.items(), []);
});
