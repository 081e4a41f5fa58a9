// The engine in a thread of its own, for disks whose sync would hold up the event loop: answers one call at a time,
// in the order in which they come.

import { parentPort, workerData } from 'node:worker_threads';
import { Engine, type EngineOptions } from './engine.ts';
import { type StoreFailure, storeFailure } from './failure.ts';
import type { Answer, Call, PlainFailure } from './remote-engine.ts';

if (parentPort !== null) serve(parentPort, workerData as EngineOptions);

function serve(port: NonNullable<typeof parentPort>, options: EngineOptions): void {
  let engine: Engine;
  try {
    engine = new Engine(options);
  } catch (error) {
    port.postMessage({ failure: plain(storeFailure(error, 'open the queue')) } satisfies Answer);
    port.close();
    return;
  }
  port.postMessage({ value: engine.ownerId } satisfies Answer);
  port.on('message', ({ name, args }: Call) => {
    try {
      if (name === 'commit') {
        const { failures, files } = engine.commit(...(args as Parameters<Engine['commit']>));
        const plainFailures = failures.map((failure) => failure && plain(failure));
        port.postMessage({ value: { failures: plainFailures, files } } satisfies Answer);
      } else {
        const value = (engine[name] as (...all: unknown[]) => unknown).apply(engine, args as unknown[]);
        port.postMessage({ value } satisfies Answer);
      }
    } catch (error) {
      port.postMessage({ failure: plain(storeFailure(error, name)) } satisfies Answer);
    }
    if (name === 'close') port.close();
  });
}

/** An error as a message carries it: its class does not come through. */
function plain({ code, message }: StoreFailure): PlainFailure {
  return { code, message };
}
