// Redirections and routes: recipients that are claimed anew.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Outcome } from '../../src/contract/index.ts';
import { mailbox } from '../../src/smtp/index.ts';
import {
  addresses,
  delivered,
  HOUR,
  MINUTE,
  never,
  only,
  room,
  script,
  watchRejections,
} from './scripted-room.ts';

watchRejections();

describe('redirections', () => {
  test('make new items that remember who redirected them', async () => {
    const asked: (readonly string[])[] = [];
    const far = script([delivered]);
    const alias = script([Outcome.redirected([mailbox('x@example.com'), mailbox('y@example.com')])], {
      claim: ({ domain }, { redirectedBy }) => {
        asked.push(redirectedBy);
        return domain === 'example.org' ? 'aliases' : undefined;
      },
    });
    const r = room({ alias, far });
    r.scheduler.start();
    await r.put(['a@example.org']);
    await r.settled();
    assert.deepEqual(addresses(far.deliveries[0]), ['x@example.com', 'y@example.com']);
    assert.deepEqual(asked, [[], ['alias'], ['alias']]);
    assert.equal((await r.items()).length, 0);
  });

  test('in a circle end with 5.4.6 after as many as the settings allow', async () => {
    const circle = script([
      ({ sender }) => (sender === null ? delivered : Outcome.redirected([mailbox('a@example.org')])),
    ]);
    const r = room({ circle });
    r.scheduler.start();
    await r.put(['a@example.org']);
    await r.settled();
    await r.clock.advance(5000);
    assert.equal(circle.deliveries.filter(({ sender }) => sender !== null).length, r.settings.redirects + 1);
    assert.equal(r.events.of('notice-queued').length, 1);
    assert.equal((await r.items()).length, 0);
  });

  test('of several recipients to one address bring one message, and circles of lists do not multiply', async () => {
    const list = ['a', 'b', 'c', 'd', 'e', 'f'].map((local) => mailbox(`${local}@example.org`));
    const circle = script([({ sender }) => (sender === null ? delivered : Outcome.redirected(list))]);
    const r = room({ circle });
    r.scheduler.start();
    await r.put(['a@example.org']);
    await r.clock.advance(5000);
    for (const delivery of circle.deliveries) assert.ok(delivery.recipients.length <= list.length);
    assert.ok(circle.deliveries.length < 20);
  });

  /** Redirects what goes to here.example, with another sender; the far end fails. */
  const changed = (sender: ReturnType<typeof mailbox> | null) => {
    const srs = script([Outcome.redirected([mailbox('x@example.com')], { sender })], {
      claim: ({ domain }) => (domain === 'here.example' ? 'srs' : undefined),
    });
    const senders: unknown[] = [];
    const far = script([Outcome.failed('5.1.1', 'no such user'), delivered], {
      claim: (_, about) => {
        senders.push(about.sender?.toString());
        return 'far';
      },
    });
    return { r: room({ srs, far }), far, senders };
  };

  test('may change the sender, which claims and deliveries are told, and which hears of failures', async () => {
    const { r, far, senders } = changed(mailbox('srs0@here.example'));
    r.scheduler.start();
    await r.put(['a@here.example']);
    await r.settled();
    assert.equal(far.deliveries[0]?.sender?.toString(), 'srs0@here.example');
    assert.equal(far.deliveries[0]?.message.sender?.toString(), 'srs0@here.example');
    assert.equal(senders[0], 'srs0@here.example');
    assert.equal(r.events.of('notice-queued')[0]?.to, 'srs0@here.example');
  });

  test('may take the sender away: nobody hears of failures then', async () => {
    const { r, far } = changed(null);
    r.scheduler.start();
    await r.put(['a@here.example']);
    await r.settled();
    assert.equal(far.deliveries[0]?.sender, null);
    assert.equal(r.events.of('notice-queued').length, 0);
    assert.equal(r.events.of('notice-dropped').length, 1);
  });
});

describe('routes', () => {
  test('an item whose transport has gone is claimed anew', async () => {
    const near = script([delivered]);
    const r = room({ near });
    r.scheduler.start();
    await r.put(['a@example.org', 'b@example.org'], { item: { transport: 'gone', destination: 'old' } });
    await r.settled();
    assert.deepEqual(near.deliveries.flatMap(addresses), ['a@example.org', 'b@example.org']);
    assert.equal((await r.items()).length, 0);
  });

  test('an item that nobody claims waits without a route until somebody does', async () => {
    let open = false;
    const far = script([delivered], { claim: ({ domain }) => (open ? domain : undefined) });
    const r = room({ far });
    r.scheduler.start();
    await r.put(['a@example.org']);
    await r.clock.advance(1000);
    const item = await only(r);
    assert.deepEqual([item.transport, item.destination, item.reason.kind], [null, '', 'no-route']);
    assert.ok(item.due > r.clock.now());
    open = true;
    await r.clock.advance(20 * MINUTE);
    assert.equal(far.deliveries.length, 1);
    assert.equal((await r.items()).length, 0);
  });

  test('nobody who claims until the time is up makes a bounce', async () => {
    const far = script([delivered], {
      claim: ({ domain }) => (domain === 'example.net' ? domain : undefined),
    });
    const r = room({ far }, { settings: { expireAfter: HOUR } });
    r.scheduler.start();
    await r.put(['a@example.org']);
    await r.clock.advance(HOUR + 5000);
    assert.deepEqual(far.deliveries.flatMap(addresses), ['author@example.net']);
  });

  test('a claim that never answers keeps neither its item nor the others', async () => {
    let hangs = false;
    const far = script([delivered], {
      claim: ({ domain }) => (hangs && domain === 'example.org' ? never() : domain),
    });
    const r = room({ far });
    await r.put(['a@example.org'], { item: { transport: 'gone' } });
    await r.put(['b@example.com']);
    hangs = true;
    r.scheduler.start();
    await r.clock.advance(MINUTE);
    assert.deepEqual(far.deliveries.flatMap(addresses), ['b@example.com']);
    hangs = false;
    await r.clock.advance(HOUR);
    assert.deepEqual(far.deliveries.flatMap(addresses), ['b@example.com', 'a@example.org']);
  });
});
