// One question to clamd (clamd(8), "INSTREAM"): the message in chunks, each with its length in four octets, a length of
// zero at the end, and one line for an answer.

import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';

export type ScanResult =
  | { readonly kind: 'clean' }
  | { readonly kind: 'found'; readonly name: string }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'failed'; readonly why: string };

/** Longer answers are none. */
const MAX_ANSWER = 1024;

export function scanAt(
  server: string,
  octets: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<ScanResult & { readonly connected: boolean }> {
  return new Promise((resolve) => {
    const socket = connect(placeOf(server));
    let connected = false;
    let answer = '';
    const end = (result: ScanResult): void => {
      signal.removeEventListener('abort', abort);
      socket.destroy();
      resolve({ ...result, connected });
    };
    const abort = (): void =>
      end({ kind: 'failed', why: String((signal.reason as Error)?.message ?? 'aborted') });
    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener('abort', abort, { once: true });
    socket.setNoDelay(true);
    socket.on('connect', () => {
      connected = true;
      send(socket, octets).catch((error: unknown) => {
        // It may have answered already that this is too large, and closed.
        if (!socket.destroyed) end({ kind: 'failed', why: String(error) });
      });
    });
    socket.on('data', (bytes: Buffer) => {
      answer += bytes.toString('latin1');
      if (answer.length > MAX_ANSWER) end({ kind: 'failed', why: 'clamd said a line without end' });
      else if (answer.includes('\0')) end(readAnswer(answer.slice(0, answer.indexOf('\0'))));
    });
    socket.on('error', (error) => {
      if (!answer.includes('\0')) end({ kind: 'failed', why: error.message });
    });
    socket.on('close', () => end({ kind: 'failed', why: 'clamd closed the connection' }));
  });
}

export function readAnswer(line: string): ScanResult {
  if (/^stream: OK$/.test(line)) return { kind: 'clean' };
  const found = /^stream: (\S[^\r\n]{0,200}) FOUND$/.exec(line)?.[1];
  if (found !== undefined) return { kind: 'found', name: found };
  if (/size limit exceeded/i.test(line)) return { kind: 'too-large' };
  return { kind: 'failed', why: `clamd said: ${line.slice(0, 200)}` };
}

async function send(socket: Socket, octets: AsyncIterable<Uint8Array>): Promise<void> {
  socket.write('zINSTREAM\0');
  for await (const chunk of octets) {
    if (socket.destroyed) return;
    if (chunk.length === 0) continue;
    socket.cork();
    socket.write(length(chunk.length));
    const goesOn = socket.write(chunk);
    socket.uncork();
    if (!goesOn) await drained(socket);
    // A clamd that has had enough says so and closes: that must be heard before a write to nobody ends the connection.
    await turn();
  }
  socket.write(length(0));
}

function length(octets: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(octets);
  return bytes;
}

/** Also when it has closed: then nobody waits for the rest. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
}

/** A path, or host:port. */
function placeOf(server: string): { path: string } | { host: string; port: number } {
  const [, v6, host, port] = /^(?:\[([^\]]+)\]|([^:/]+)):(\d{1,5})$/.exec(server) ?? [];
  return port === undefined ? { path: server } : { host: v6 ?? host ?? '', port: Number(port) };
}
