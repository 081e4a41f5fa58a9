// The log: pino, JSON lines on standard output, written in batches. What came from outside stays inside its string, and
// does a terminal no harm.

import pino, { type DestinationStream } from 'pino';
import type { Logger } from '../contract/index.ts';
import { harmlessJson } from './harmless-json.ts';

export interface LogSettings {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

export interface Log {
  readonly logger: Logger;
  /** Writes out what is gathered. Call it before the process ends. */
  flush(): void;
}

/** Octets gathered before a write: a line by itself would cost a system call per message. */
const BATCH = 16_384;
/** Octets of one write at most; the destination wants it larger than the batch. */
const MAX_WRITE = 65_536;
/** Milliseconds after which a quiet server's lines come out. */
const FLUSH_EVERY = 500;

export function openLog(settings: LogSettings): Log {
  // Given strings, it would measure all that it has gathered with every line. Its types know nothing else.
  const destination = pino.destination({
    fd: 1,
    sync: false,
    contentMode: 'buffer',
    minLength: BATCH,
    maxWrite: MAX_WRITE,
    periodicFlush: FLUSH_EVERY,
  }) as unknown as OctetStream;
  // Whoever read the log has gone (`posthouse start | head`): the server goes on without one.
  destination.on('error', () => {});
  const lines = { write: (line: string) => destination.write(Buffer.from(line)) };
  return { logger: loggerTo(lines, settings), flush: () => flush(destination) };
}

interface OctetStream {
  write(octets: Uint8Array): boolean;
  flushSync(): void;
  on(event: 'error', listener: () => void): unknown;
}

/** One line of JSON for each call. */
export function loggerTo(destination: DestinationStream, { level }: LogSettings): Logger {
  const logger = pino(
    {
      level,
      base: null,
      timestamp: isoTime(),
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: harmlessJson },
    },
    destination,
  );
  return logger as unknown as Logger;
}

function flush(destination: OctetStream): void {
  try {
    destination.flushSync();
  } catch {
    // The destination was never written to, or is gone: there is nothing to lose.
  }
}

/** The time as pino wants it, formatted once a millisecond: many lines fall into one. */
function isoTime(): () => string {
  let millisecond = 0;
  let text = '';
  return () => {
    const now = Date.now();
    if (now !== millisecond) {
      millisecond = now;
      text = `,"time":"${new Date(now).toISOString()}"`;
    }
    return text;
  };
}
