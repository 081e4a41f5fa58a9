// Each failure and deferral has a class, in the events and in the queue; the class may choose the waits.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type BounceClassifier, type Delivery, Outcome } from '../../src/contract/index.ts';
import { MINUTE, openRoom } from './room.ts';

const FULL = Outcome.deferred('4.2.2', 'mx.a.example said: 452 4.2.2 mailbox full', {
  remote: { host: 'mx.a.example', reply: '452 4.2.2 mailbox full' },
});
const full = { answer: () => FULL };

function room(classifier?: BounceClassifier, retryAfterByClass = {}) {
  return openRoom({ transports: [full], settings: { retryAfterByClass }, ...(classifier && { classifier }) });
}

async function classOf(classifier: BounceClassifier): Promise<unknown> {
  const open = room(classifier);
  await open.send();
  await open.settle();
  const outcome = open.events('recipient-settled')[0]?.outcome;
  return outcome?.kind === 'deferred' ? outcome.class : undefined;
}

describe('a class', () => {
  it('stands in the event and in the reason to wait', async () => {
    const open = room();
    const [item] = await open.send();
    await open.settle();
    assert.deepEqual(open.events('recipient-settled')[0]?.outcome, { ...FULL, class: 'quota' });
    const [waiting] = await open.items();
    assert.equal(waiting?.id, item?.id);
    assert.equal(waiting?.reason.kind === 'deferred' && waiting.reason.class, 'quota');
  });

  it('is no news of what was delivered, and of a failure too', async () => {
    const answer = ({ recipients: [recipient] }: Delivery) =>
      recipient?.address.local === 'nobody' ? Outcome.failed('5.1.1', 'nobody') : Outcome.delivered();
    const open = openRoom({ transports: [{ answer }] });
    await open.send();
    await open.send({ to: ['nobody@a.example'], sender: '' });
    await open.settle();
    assert.deepEqual(
      open.events('recipient-settled').map(({ outcome }) => outcome),
      [Outcome.delivered(), { ...Outcome.failed('5.1.1', 'nobody'), class: 'no-mailbox' }],
    );
  });

  it("is the transport's where it gives one", async () => {
    const open = openRoom({ transports: [{ answer: () => ({ ...FULL, class: 'rate' as const }) }] });
    await open.send();
    await open.settle();
    const [waiting] = await open.items();
    assert.equal(waiting?.reason.kind === 'deferred' && waiting.reason.class, 'rate');
  });

  it('of a transport that knows no such class is an illegal answer', async () => {
    const open = openRoom({ transports: [{ answer: () => ({ ...FULL, class: 'toString' }) as never }] });
    await open.send();
    await open.settle();
    assert.match(open.events('handler-failed')[0]?.error ?? '', /class of BOUNCE_CLASSES, not toString/);
  });

  it('is asked for once for recipients that share an outcome', async () => {
    let asked = 0;
    const classifier: BounceClassifier = {
      classify: () => {
        asked++;
        return 'spam';
      },
    };
    const open = room(classifier);
    await open.send({ to: ['joe@a.example', 'jim@a.example', 'jane@a.example'] });
    await open.settle();
    assert.equal(asked, 1);
    assert.equal(open.events('recipient-settled').length, 3);
  });

  it('is `other` where the classifier throws or talks nonsense', async () => {
    const throws = (): never => {
      throw new Error('broken');
    };
    assert.equal(await classOf({ classify: throws }), 'other');
    assert.equal(await classOf({ classify: () => 'constructor' as never }), 'other');
    assert.equal(await classOf({ classify: () => undefined as never }), 'other');
  });

  it('chooses the waits where the operator says so', async () => {
    const open = room(undefined, { quota: [30 * MINUTE, 90 * MINUTE], rate: [MINUTE] });
    await open.send();
    await open.settle();
    const waits = async () => ((await open.items())[0]?.due ?? 0) - open.clock.now();
    assert.equal(await waits(), 30 * MINUTE);
    await open.clock.advance(30 * MINUTE);
    assert.equal(await waits(), 90 * MINUTE);
  });
});
