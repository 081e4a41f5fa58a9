// How the octets of a message leave: in one write where they are in memory, else block by block, as the socket takes them.

import type { Socket } from 'node:net';
import type { StoredMessage } from '../contract/index.ts';
import { DotEncoder } from '../smtp/index.ts';
import { endOfChunk, type OutgoingMessage } from './outgoing-message.ts';

// Below this, copying costs less than a list of buffers in the system call.
const JOIN_BELOW = 65_536;

export function writeAll(socket: Socket, pieces: readonly Uint8Array[]): void {
  let size = 0;
  for (const piece of pieces) size += piece.length;
  if (size < JOIN_BELOW) socket.write(Buffer.concat(pieces, size));
  else {
    socket.cork();
    for (const piece of pieces) socket.write(piece);
    socket.uncork();
  }
}

/**
 * Resolves when all is written, or nobody wants the rest; rejects when the message cannot be read, and then its end has
 * not been written.
 * @param command of the chunk that it goes as; undefined: it goes by DATA
 * @param goesOn asked before and after each block
 */
export async function stream(
  socket: Socket,
  message: StoredMessage,
  outgoing: OutgoingMessage,
  command: Uint8Array | undefined,
  goesOn: () => boolean,
): Promise<void> {
  const encoder = new DotEncoder();
  let left = message.size;
  if (command !== undefined) socket.write(command);
  for await (const chunk of message.open()) {
    left -= chunk.length;
    const stuffed = outgoing.binary ? chunk : encoder.encode(chunk);
    // Known before the transaction began; a message that reads differently now is not ended.
    if (encoder.unsafe || left < 0) throw new Error('the stored message has changed');
    if (!goesOn()) return;
    if (!socket.write(command === undefined ? stuffed : chunk)) await drained(socket);
    if (!goesOn()) return;
  }
  if (left > 0) throw new Error('the stored message has changed');
  if (command === undefined) socket.write(encoder.finish());
  else for (const piece of endOfChunk(outgoing)) socket.write(piece);
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
}
