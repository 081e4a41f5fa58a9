// store-sqlite keeps the contract of the queue stores, on the main thread and in a worker.

import { queueStoreContract } from '@posthouse/core/testing';
import { MAIN, openFor, WORKER } from './opened-stores.ts';

queueStoreContract('store-sqlite on the main thread', () => openFor(MAIN));
queueStoreContract('store-sqlite in a worker', () => openFor(WORKER));
