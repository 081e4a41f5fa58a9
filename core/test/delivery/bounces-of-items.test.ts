// What the sender hears of an item that fails or expires, and when he hears nothing.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Outcome, type QueueChange } from '../../src/contract/index.ts';
import { parseReport } from './report-parser.ts';
import { HOUR, openRoom, watched } from './room.ts';

test('an item that is still deferred when its time is up is bounced to its sender', async () => {
  const bounces: string[] = [];
  const room = openRoom({
    settings: { expireAfter: 2 * HOUR },
    transports: [
      {
        async answer({ destination, message }) {
          if (destination === 'a.example') return Outcome.deferred('4.2.2', 'mailbox full');
          for await (const bytes of message.open()) bounces.push(Buffer.from(bytes).toString());
          return Outcome.delivered();
        },
      },
    ],
  });
  await room.send({ parameters: { envid: 'E1' } });
  await room.clock.advance(2 * HOUR - 2000);
  assert.equal(bounces.length, 0);
  await room.clock.advance(4000);
  assert.equal(bounces.length, 1);
  const report = parseReport(Buffer.from(bounces[0] ?? ''));
  assert.equal(report.header.get('To'), '<ann@sender.example>');
  assert.equal(report.perMessage.get('Original-Envelope-Id'), 'E1');
  assert.equal(report.perRecipient[0]?.get('Status'), '5.4.7');
  assert.match(report.perRecipient[0]?.get('Diagnostic-Code') ?? '', /4\.2\.2 mailbox full/);
  assert.equal(report.returned.content, 'Received: from client.example\r\nSubject: test\r\n');
  assert.deepEqual(await room.items(), []);
  assert.equal(room.events('notice-queued')[0]?.to, 'ann@sender.example');
});

test('the bounce has the null sender and no parameters that it does not need', async () => {
  const seen: unknown[] = [];
  const room = openRoom({
    transports: [
      {
        answer({ destination, sender, message }) {
          if (destination === 'a.example') return Outcome.failed('5.1.1', 'no such user');
          seen.push({ sender, parameters: message.parameters, session: message.origin.session });
          return Outcome.delivered();
        },
      },
    ],
  });
  await room.send();
  await room.clock.advance(0);
  assert.deepEqual(seen, [{ sender: null, parameters: {}, session: 'bounce' }]);
});

test('a bounce and the end of the failed recipients are one change of the queue', async () => {
  const changes: QueueChange[] = [];
  const room = openRoom({
    store: (real) => watched(real, (change) => void changes.push(change)),
    transports: [
      {
        answer: ({ destination }) =>
          destination === 'a.example' ? Outcome.failed('5.1.1', 'no') : Outcome.deferred('4.2.2', 'full'),
      },
    ],
  });
  await room.send();
  await room.settle();
  assert.deepEqual([changes[0]?.put?.length, changes[0]?.remove?.length], [1, 1]);
});

test('a failing message with the null sender is never bounced', async () => {
  const room = openRoom({ transports: [{ answer: () => Outcome.failed('5.1.1', 'no such user') }] });
  await room.send({ sender: '' });
  await room.clock.advance(HOUR);
  assert.equal(room.deliveries.length, 1);
  assert.deepEqual(await room.items(), []);
  assert.deepEqual(
    room.events('notice-dropped').map(({ recipients, text }) => [recipients, text]),
    [[['joe@a.example'], '5.1.1 no such user']],
  );
});

test('a bounce that fails is not bounced', async () => {
  const room = openRoom({ transports: [{ answer: () => Outcome.failed('5.1.1', 'no such user') }] });
  await room.send();
  await room.clock.advance(HOUR);
  assert.equal(room.deliveries.length, 2);
  assert.equal(room.events('notice-queued').length, 1);
  assert.equal(room.events('notice-dropped').length, 1);
  assert.deepEqual(await room.items(), []);
});

test('NOTIFY=NEVER is honoured, for its recipient alone', async () => {
  const room = openRoom({
    transports: [
      {
        answer: ({ destination }) =>
          destination === 'a.example' ? Outcome.failed('5.1.1', 'no') : Outcome.delivered(),
      },
    ],
  });
  await room.send({ to: [{ address: 'quiet@a.example', parameters: { notify: ['NEVER'] } }] });
  await room.clock.advance(0);
  assert.equal(room.events('notice-queued').length, 0);
  await room.send({
    to: [
      { address: 'quiet@a.example', parameters: { notify: ['DELAY'] } },
      { address: 'loud@a.example', parameters: { notify: ['FAILURE', 'SUCCESS'] } },
    ],
  });
  await room.clock.advance(0);
  assert.deepEqual(
    room.events('notice-queued').map(({ recipients }) => recipients),
    [['loud@a.example']],
  );
});

test('RET=FULL brings the whole message back, but not a large one', async () => {
  const kinds: (string | undefined)[] = [];
  const room = openRoom({
    transports: [
      {
        async answer({ destination, message }) {
          if (destination === 'a.example') return Outcome.failed('5.1.1', 'no');
          const chunks: Uint8Array[] = [];
          for await (const bytes of message.open()) chunks.push(bytes);
          const { returned } = parseReport(Buffer.concat(chunks));
          kinds.push(returned.header.get('Content-Type'));
          if (kinds.length === 1) assert.match(returned.content, /^Received: .*Hello\r\n\r\n?$/s);
          return Outcome.delivered();
        },
      },
    ],
  });
  await room.send({ parameters: { ret: 'FULL' } });
  await room.clock.advance(0);
  await room.send({
    parameters: { ret: 'FULL' },
    body: `Subject: big\r\n\r\n${'x'.repeat(76)}\r\n`.repeat(3000),
  });
  await room.clock.advance(0);
  assert.deepEqual(kinds, ['message/rfc822', 'text/rfc822-headers']);
});
