// Attempts: whatever a transport does, its item has a next step and the others run.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Outcome } from '../../src/contract/index.ts';
import {
  delivered,
  HOUR,
  later,
  MINUTE,
  never,
  only,
  room,
  script,
  TroubledStore,
  watchRejections,
} from './scripted-room.ts';

watchRejections();

const thenable = (run: (ok: (o: unknown) => void, no: (e: unknown) => void) => void): object => {
  const method: string = 'then';
  return { [method]: run };
};

describe('an attempt', () => {
  test('that delivers takes the item and its message out of the queue', async () => {
    const r = room({ far: script([delivered]) });
    r.scheduler.start();
    await r.put(['a@example.org', 'b@example.org']);
    await r.settled();
    assert.deepEqual(await r.store.counts(), { messages: 0, waiting: 0, held: 0, damaged: 0 });
    assert.equal(r.events.of('recipient-settled').length, 2);
    assert.equal(r.events.of('attempt-finished')[0]?.outcome, 'delivered');
  });

  test('that answers without a promise ends in the same way', async () => {
    const far = script([() => delivered]);
    const r = room({ far });
    r.scheduler.start();
    for (let n = 0; n < 20; n++) await r.put([`a${n}@example.org`]);
    await r.settled();
    assert.equal(far.deliveries.length, 20);
    assert.equal((await r.items()).length, 0);
    assert.equal(r.scheduler.running, 0);
  });

  test('that defers comes again when its wait is over, and not before', async () => {
    const far = script([later, async () => delivered]);
    const r = room({ far });
    r.scheduler.start();
    await r.put(['a@example.org']);
    await r.settled();
    const item = await only(r);
    assert.equal(item.attempts, 1);
    assert.deepEqual(item.reason, {
      kind: 'deferred',
      status: '4.2.2',
      text: 'Mailbox full',
      at: item.due - MINUTE,
      class: 'quota',
    });
    await r.clock.advance(MINUTE - 2000);
    assert.equal(far.deliveries.length, 1);
    await r.clock.advance(4000);
    assert.equal(far.deliveries.length, 2);
    assert.equal(far.deliveries[1]?.attempt, 2);
    assert.equal((await r.items()).length, 0);
  });

  test('waits as long as the next hop asked for', async () => {
    const far = script([Outcome.deferred('4.7.1', 'Greylisted', { retryAfter: 2 * HOUR }), delivered]);
    const r = room({ far });
    r.scheduler.start();
    await r.put(['a@example.org']);
    await r.clock.advance(2 * HOUR - 2000);
    assert.equal(far.deliveries.length, 1);
    await r.clock.advance(4000);
    assert.equal(far.deliveries.length, 2);
  });

  test('that takes too long is aborted, named and deferred', async () => {
    let signal: AbortSignal | undefined;
    const far = script(
      [
        (delivery) => {
          signal = delivery.signal;
          return never();
        },
      ],
      { timeout: 5000 },
    );
    const r = room({ far });
    r.scheduler.start();
    await r.put(['a@example.org']);
    await r.clock.advance(4000);
    assert.equal(signal?.aborted, false);
    await r.clock.advance(2000);
    assert.equal(signal?.aborted, true);
    assert.equal(r.events.of('handler-failed')[0]?.problem, 'timed-out');
    assert.equal(r.scheduler.running, 0);
    assert.equal((await only(r)).attempts, 1);
  });

  const nonsense: [string, unknown][] = [
    ['nothing', undefined],
    ['a number', 42],
    ['an unknown kind', { kind: 'lost' }],
    ['a kind that is no text', { kind: 10n }],
    ['a symbol for a status', { kind: 'failed', status: Symbol('x'), text: '' }],
    ['a list for a status', { kind: 'failed', status: ['5.1.1'], text: '' }],
    ['a transient failure', { kind: 'failed', status: '4.1.1', text: 'x' }],
    ['a permanent deferral', { kind: 'deferred', status: '5.1.1', text: 'x' }],
    ['a wait that is no number', { kind: 'deferred', status: '4.1.1', text: 'x', retryAfter: Number.NaN }],
    [
      'a wait without end',
      { kind: 'deferred', status: '4.1.1', text: 'x', retryAfter: Number.POSITIVE_INFINITY },
    ],
    ['a remote without words', { kind: 'failed', status: '5.1.1', text: 'x', remote: {} }],
    ['a redirection to text', { kind: 'redirected', to: ['a@example.org'] }],
    [
      'an outcome that throws when read',
      {
        get kind(): string {
          throw new Error('no');
        },
      },
    ],
  ];
  for (const [what, answer] of nonsense) {
    for (const asPromise of [false, true]) {
      test(`that answers ${what}${asPromise ? ', promised,' : ''} is deferred and named`, async () => {
        const line = asPromise ? async () => answer as undefined : () => answer as undefined;
        const far = script([line]);
        const r = room({ far });
        r.scheduler.start();
        await r.put(['a@example.org']);
        await r.settled();
        const item = await only(r);
        assert.equal(item.reason.kind, 'deferred');
        assert.ok(item.due > r.clock.now());
        assert.equal(r.events.of('handler-failed').length, 1);
        assert.equal(r.scheduler.running, 0);
      });
    }
  }

  const throws: [string, () => unknown][] = [
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
    [
      'throws what has no words',
      () => {
        throw Object.create(null);
      },
    ],
    ['rejects with what has no words', () => Promise.reject(Object.create(null))],
    [
      'answers a thenable that throws',
      () =>
        thenable(() => {
          throw new Error('broken');
        }),
    ],
    [
      'answers a thenable that calls back twice',
      () =>
        thenable((ok: (o: unknown) => void, no: (e: unknown) => void) => {
          no(new Error('broken'));
          ok(delivered);
        }),
    ],
  ];
  for (const [what, answer] of throws) {
    test(`that ${what} is deferred and named, and the next item runs`, async () => {
      const far = script([answer as () => undefined, delivered], { laneConcurrency: 1 });
      const r = room({ far });
      r.scheduler.start();
      await r.put(['a@example.org']);
      await r.put(['b@example.org']);
      await r.settled();
      assert.equal(r.events.of('handler-failed')[0]?.problem, 'threw');
      assert.equal((await only(r)).recipients[0]?.address, 'a@example.org');
      assert.equal(r.scheduler.running, 0);
    });
  }

  test('of an item that cannot be read is deferred, and the others run', async () => {
    const far = script([delivered]);
    const r = room({ far });
    r.scheduler.start();
    await r.put(['a@example.org'], { message: { sender: 'no address at all' } });
    await r.put(['b@example.org'], { item: { recipients: [{ address: 'broken' }] } });
    await r.put(['c@example.org'], { item: { transport: 'gone', recipients: [{ address: 'broken' }] } });
    await r.put(['d@example.org']);
    await r.settled();
    assert.equal((await r.items()).length, 3);
    for (const { item } of await r.items()) assert.ok(item.due > r.clock.now(), JSON.stringify(item));
    assert.equal(r.scheduler.running, 0);
  });

  test('of a fresh message does not read the body back', async () => {
    const store = new TroubledStore();
    const seen: string[] = [];
    const far = script([
      async ({ message }) => {
        const chunks: Uint8Array[] = [];
        for await (const chunk of message.open()) chunks.push(chunk);
        seen.push(
          Buffer.concat(chunks).toString('latin1'),
          Buffer.concat(message.inMemory ?? []).toString('latin1'),
        );
        return delivered;
      },
    ]);
    const r = room({ far }, { store });
    r.scheduler.start();
    await r.put(['a@example.org'], { offer: true });
    await r.settled();
    assert.equal(store.bodiesRead, 0);
    assert.match(seen[0] ?? '', /^Received: from client\r\n\tby mx.example.org\r\nSubject: hello\r\n/);
    assert.equal(seen[0], seen[1]);
  });
});
