// The thread that writes the trace and reads it for others: no disk and no SQL on the way of the mail.

import { parentPort, workerData } from 'node:worker_threads';
import type { Answer, Call } from './recorder.ts';
import { type SegmentLimits, Segments, SegmentsReader } from './segments.ts';
import { storiesFor } from './stories.ts';

if (parentPort !== null) serve(parentPort, workerData as SegmentLimits);

function serve(port: NonNullable<typeof parentPort>, limits: SegmentLimits): void {
  let segments: Segments | undefined;
  port.on('message', (call: Call) => {
    try {
      port.postMessage({ value: answer(call) } satisfies Answer);
    } catch (error) {
      port.postMessage({ failure: error instanceof Error ? error.message : String(error) } satisfies Answer);
    }
    if (call.do === 'close') port.close();
  });

  function answer(call: Call): unknown {
    switch (call.do) {
      case 'open':
        segments = new Segments(limits);
        return undefined;
      case 'write':
        segments?.write(call.pages, call.now);
        return undefined;
      case 'find': {
        const reader = new SegmentsReader(limits.path);
        try {
          return storiesFor(call.word, call.limit, reader);
        } finally {
          reader.close();
        }
      }
      case 'close':
        segments?.close();
        return undefined;
    }
  }
}
