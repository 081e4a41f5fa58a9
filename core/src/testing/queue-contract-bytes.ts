// The contract of the queue stores, third part: bodies and texts come back exactly, and go when nobody needs them.

import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { type MessageBody, PosthouseError } from '../contract/index.ts';
import {
  drafted,
  fresh,
  LATER,
  putEach,
  read,
  sampleBytes,
  sampleItem,
  sampleMessage,
  take,
} from './queue-samples.ts';
import type { ContractTests } from './queue-store-contract.ts';

const KIB = 1024;
const BODY_SIZES = [0, 1, 65_535, 65_536, 256 * KIB - 1, 256 * KIB, 256 * KIB + 1, 5_000_000];

export function bytesContract(name: string, { promise }: ContractTests): void {
  describe(`${name} keeps bytes`, () => {
    for (const size of BODY_SIZES) {
      promise(`a body of ${size} octets comes back exactly, before and after the commit`, async (store) => {
        const bytes = sampleBytes(size, size + 1);
        for (const [index, sizes] of [[1_000_000], [65_536], [1, 3, 8191, 70_001]].entries()) {
          const body = await drafted(store, bytes, sizes);
          assert.equal(body.size, size);
          assert.ok((await read(body.open())).equals(bytes));
          if (body.inMemory) assert.ok(Buffer.concat(body.inMemory).equals(bytes));
          const item = sampleItem(`a${index}`);
          await store.commit({
            put: [{ message: sampleMessage(item.message), body, items: [item], leaseUntil: undefined }],
          });
          body.discard();
          assert.ok((await read(store.body(item.message))).equals(bytes));
          assert.ok((await read(store.body(item.message))).equals(bytes), 'a second reading');
        }
      });
    }

    promise('the last item that is removed takes the body along', async (store) => {
      const items = [
        sampleItem('a', { message: 'm' }),
        sampleItem('b', { message: 'm', destination: 'b.example' }),
      ];
      for (const bytes of [sampleBytes(5), sampleBytes(300_000)]) {
        const body = await drafted(store, bytes);
        await store.commit({ put: [{ message: sampleMessage('m'), body, items, leaseUntil: LATER }] });
        await store.commit({ remove: [items[0] as (typeof items)[0]] });
        assert.ok((await read(store.body('m'))).equals(bytes));
        await store.commit({ remove: [items[1] as (typeof items)[0]] });
        await assert.rejects(read(store.body('m')), (error) => PosthouseError.is(error, 'message-missing'));
        assert.equal((await store.counts()).messages, 0);
      }
    });

    promise('a draft that is discarded leaves nothing and cannot be committed', async (store) => {
      for (const size of [10, 300_000]) {
        const begun = store.draft();
        await begun.write(sampleBytes(size));
        begun.discard();
        begun.discard();
        const put = {
          ...(await fresh(store, [sampleItem('a')])),
          body: await drafted(store, sampleBytes(size)),
        };
        put.body.discard();
        await assert.rejects(store.commit({ put: [put] }), (error) =>
          PosthouseError.is(error, 'store-failed'),
        );
        assert.equal((await store.counts()).messages, 0);
      }
    });

    promise('a body that was refused can be committed under another name', async (store) => {
      await putEach(store, [sampleItem('a')]);
      const body: MessageBody = await drafted(store, sampleBytes(300_000));
      const put = { message: sampleMessage('m-a'), body, items: [sampleItem('b')], leaseUntil: undefined };
      await assert.rejects(store.commit({ put: [put] }));
      await store.commit({ put: [{ ...put, message: sampleMessage('m-b') }] });
      assert.ok((await read(store.body('m-b'))).equals(sampleBytes(300_000)));
    });

    promise('the body of an unknown message is missing', async (store) => {
      await assert.rejects(read(store.body('nobody')), (error) =>
        PosthouseError.is(error, 'message-missing'),
      );
    });

    promise('text beyond ASCII comes back exactly', async (store) => {
      const strange = 'Grüße 寿司 🐎 "\'\\ \u0000 \u2028 %_';
      const message = sampleMessage('m-é', {
        sender: 'jörg@exämple.net',
        head: `X: ${strange}\r\n`,
        notes: { 'a/b': strange },
      });
      const item = sampleItem('a', {
        message: 'm-é',
        destination: strange,
        recipients: [{ address: '用户@例え.jp' }],
      });
      await store.commit({
        put: [{ message, body: await drafted(store, sampleBytes(1)), items: [item], leaseUntil: undefined }],
      });
      assert.deepEqual(await take(store), [{ item, message }]);
      assert.deepEqual((await store.find({ recipient: '用户@例え.jp' }, 9)).entries, [{ item, message }]);
    });
  });
}
