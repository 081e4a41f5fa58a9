// A store that does not keep up: clients are slowed down and told to come again, and memory stays within its bound.

import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { definePlugin, type MessageDraft, QueueStore, Verdict } from '../../src/contract/index.ts';
import { MemoryStore } from '../../src/intake/index.ts';
import { openHouse } from '../../src/testing/index.ts';
import { gate } from '../delivery/room.ts';

const KIB = 1024;
const LIMIT = 64 * KIB;
const MESSAGE = 8 * KIB;

const accepts = definePlugin({
  name: 'accepts',
  setup: () => ({ hooks: { 'on-rcpt': () => Verdict.accept() } }),
});

/** A store whose disk stands still while the gate is shut; it knows how many octets it has in memory for it. */
class SlowStore extends MemoryStore {
  readonly disk = gate<void>();
  octets = 0;
  peak = 0;

  override draft(): MessageDraft {
    const draft = super.draft();
    let own = 0;
    const forget = (): void => {
      this.octets -= own;
      own = 0;
    };
    return {
      write: (bytes) => {
        own += bytes.length;
        this.octets += bytes.length;
        this.peak = Math.max(this.peak, this.octets);
        return draft.write(bytes);
      },
      finish: () => draft.finish(),
      discard: () => {
        forget();
        draft.discard();
      },
    };
  }

  override async commit(change: Parameters<QueueStore['commit']>[0]): Promise<void> {
    await this.disk.promise;
    return super.commit(change);
  }
}

async function slowHouse() {
  const store = new SlowStore();
  const provides = definePlugin({
    name: 'store-slow',
    provides: { queue: QueueStore },
    setup: () => ({ services: { queue: store as QueueStore } }),
  });
  const limits = { unsavedOctets: LIMIT };
  const house = await openHouse({ memoryStore: false, plugins: [provides(), accepts()], limits });
  const client = () => {
    const stream: Duplex = house.connect();
    const heard = { text: '' };
    stream.on('data', (bytes: Buffer) => {
      heard.text += bytes.toString();
    });
    return { stream, heard };
  };
  return { house, store, client };
}

const envelope = 'EHLO c.example\r\nMAIL FROM:<a@c.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n';
const content = `Subject: x\r\n\r\n${`${'x'.repeat(62)}\r\n`.repeat(MESSAGE / 64)}`;
const settled = async (): Promise<void> => {
  for (let turns = 0; turns < 20; turns++) await turn();
};

test('a store that does not keep up is 451 at MAIL past the limit, and memory stays within twice of it', async () => {
  const { house, store, client } = await slowHouse();
  await using _ = house;
  // All of them have been let in before anything waits.
  const early = Array.from({ length: 40 }, client);
  for (const { stream } of early) stream.write(envelope);
  await settled();
  assert.ok(early.every(({ heard }) => heard.text.includes('354')));
  for (const { stream } of early) {
    stream.write(`${content}.\r\n`);
    await turn();
  }
  await settled();
  const refused = early.filter(({ heard }) => heard.text.includes('452 4.3.1'));
  const waiting = early.filter(({ heard }) => !/45\d|250 2\.0\.0 Queued/.test(heard.text));
  assert.equal(refused.length + waiting.length, 40);
  assert.equal(waiting.length, Math.ceil((2 * LIMIT) / content.length));
  assert.ok(store.peak <= 2 * LIMIT + content.length, `${store.peak} octets at the peak`);

  const late = client();
  late.stream.write(envelope);
  await settled();
  assert.match(
    late.heard.text,
    /\r\n451 4\.3\.2 Too much mail waits to be stored, please try again later\r\n503/,
  );
  assert.ok(
    house.events('verdict-given').some(({ hook, reason }) => hook === 'on-mail-from' && reason === 'busy'),
  );

  store.disk.open();
  await settled();
  assert.ok(waiting.every(({ heard }) => /250 2\.0\.0 Queued/.test(heard.text)));
  const again = client();
  again.stream.write(`${envelope}${content}.\r\n`);
  await settled();
  assert.match(again.heard.text, /250 2\.0\.0 Queued/);
  for (const { stream } of [...early, late, again]) stream.destroy();
});

test('what was begun and comes to nothing makes room again', async () => {
  const { house, store, client } = await slowHouse();
  await using _ = house;
  const first = Array.from({ length: 20 }, client);
  for (const { stream } of first) stream.write(`${envelope}${content}`);
  await settled();
  for (const { stream } of first) stream.destroy();
  await settled();
  assert.equal(store.octets, 0);
  const next = client();
  next.stream.write(envelope);
  await settled();
  assert.match(next.heard.text, /354/);
  next.stream.destroy();
  store.disk.open();
});
