// Where the thread of a receiving worker begins.

import { parentPort, workerData } from 'node:worker_threads';
import type { Port } from './line.ts';
import { Receiver } from './receiver.ts';
import type { WorkerBirth } from './words.ts';

const receiver = new Receiver(parentPort as unknown as Port, workerData as WorkerBirth);
process.on('unhandledRejection', (error) => receiver.noteUncaught(error));
