// What every QueueStore promises, as tests: one sentence each. A store's own test calls `queueStoreContract` and adds
// what is its alone.

import { test } from 'node:test';
import type { QueueStore } from '../contract/index.ts';
import { answersContract } from './queue-contract-answers.ts';
import { bytesContract } from './queue-contract-bytes.ts';
import { changesContract } from './queue-contract-changes.ts';
import { workContract } from './queue-contract-work.ts';

export interface OpenedStore {
  readonly store: QueueStore;
  /** Releases everything, the files included. */
  close(): Promise<void>;
  /** Durable stores: stops the store and opens another one on what it left behind. */
  reopen?(): Promise<OpenedStore>;
  /** Durable stores: makes what is kept of the message unreadable. */
  damage?(messageId: string): Promise<void>;
}

/** How the parts of the contract register their tests. */
export interface ContractTests {
  /** A test on a new, empty store, which is closed afterwards. */
  promise(sentence: string, proof: (store: QueueStore) => Promise<void>): void;
  /** A test of durable stores alone. The proof closes what it opened last. */
  durable(sentence: string, proof: (opened: Required<OpenedStore>) => Promise<void>): void;
}

/** Registers the contract's tests with node:test. `open` gives a new, empty store each time. */
export function queueStoreContract(name: string, open: () => Promise<OpenedStore>): void {
  const tests: ContractTests = {
    promise(sentence, proof) {
      test(sentence, async () => {
        const opened = await open();
        try {
          await proof(opened.store);
        } finally {
          await opened.close();
        }
      });
    },
    durable(sentence, proof) {
      test(sentence, async (context) => {
        const opened = await open();
        const { reopen, damage } = opened;
        if (reopen === undefined || damage === undefined) {
          await opened.close();
          return context.skip('the store is not durable');
        }
        await proof({ ...opened, reopen, damage });
      });
    },
  };
  workContract(name, tests);
  changesContract(name, tests);
  bytesContract(name, tests);
  answersContract(name, tests);
}
