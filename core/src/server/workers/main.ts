// Where the thread of a receiving worker begins.

import { parentPort, workerData } from 'node:worker_threads';
import type { Port } from './line.ts';
import { Receiver } from './receiver.ts';
import type { WorkerBirth } from './words.ts';

new Receiver(parentPort as unknown as Port, workerData as WorkerBirth);
