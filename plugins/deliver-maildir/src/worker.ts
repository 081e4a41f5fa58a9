// The thread that writes letters into Maildirs. Whatever is quick it does at once; for the disk it waits in Node's
// thread pool, with many letters at a time, since a journal makes those durable together that wait together.

import { parentPort } from 'node:worker_threads';
import { direct } from './file-calls.ts';
import { Maildir } from './maildir.ts';
import type { Answer, Batch, Failure } from './remote-maildir.ts';

/** Syncs at a time: below the threads of the pool (`posthouse` makes 128), where others wait for the disk as well. */
const AT_A_TIME = 112;

if (parentPort !== null) serve(parentPort);

function serve(port: NonNullable<typeof parentPort>): void {
  const maildir = new Maildir(direct, AT_A_TIME);
  let count = 0;
  let written: number[] = [];
  let failed: Failure[] = [];
  const answerSoon = (): void => {
    if (written.length + failed.length > 1) return;
    // What a sync of a folder has made durable together is told together.
    setImmediate(() => {
      port.postMessage({ written, failed } satisfies Answer);
      written = [];
      failed = [];
    });
  };
  const write = async (number: number, letter: Parameters<Maildir['write']>[0]): Promise<void> => {
    try {
      await maildir.write(letter);
      written.push(number);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      failed.push({ letter: number, code, message });
    }
    answerSoon();
  };
  port.on('message', ({ letters, content }: Batch) => {
    let at = 0;
    const all = letters.map(({ folder, name, lineEnds, length }) => {
      const octets = new Uint8Array(content, at, length);
      at += length;
      return write(count++, { folder, name, lineEnds, open: () => [octets] });
    });
    // Gives the octets back now: a heap as small as this thread's is seldom collected.
    void Promise.all(all).then(() => content.transfer(0));
  });
}
