// A milter on loopback that answers from a script and remembers what it was told.

import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { FrameReader } from '../src/frame-reader.ts';
import { LEADING_SPACE, MAY_SKIP } from '../src/protocol.ts';

export interface Heard {
  readonly letter: string;
  /** The data as latin1. */
  readonly text: string;
}

/** Answers to a command: frames that follow each other. Nothing: `continue`, where an answer is due. */
export type Script = (heard: Heard, socket: Socket) => readonly Buffer[] | undefined;

export function answer(letter: string, ...parts: readonly (string | Buffer)[]): Buffer {
  const data = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(data.length + 1);
  head.write(letter, 4, 'latin1');
  return Buffer.concat([head, data]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export const CONTINUE = answer('c');

export interface Terms {
  readonly version?: number;
  readonly actions?: number;
  readonly steps?: number;
  readonly macros?: readonly Buffer[];
}

export async function scriptedMilter(
  script: Script = () => undefined,
  { version = 6, actions = 0x7f, steps = MAY_SKIP | LEADING_SPACE, macros = [] }: Terms = {},
) {
  const sockets = new Set<Socket>();
  const heard: Heard[] = [];
  let wait: { readonly letter: string; resolve(): void } | undefined;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    const reader = new FrameReader();
    socket.on('data', (bytes: Buffer) => {
      for (const { letter, data } of reader.receive(bytes)) {
        const told = { letter, text: data.toString('latin1') };
        heard.push(told);
        if (wait?.letter === letter) wait.resolve();
        const said = script(told, socket);
        if (said !== undefined) socket.write(Buffer.concat(said));
        else if (letter === 'O')
          socket.write(answer('O', uint32(version), uint32(actions), uint32(steps), ...macros));
        else if (!'DAQ'.includes(letter)) socket.write(CONTINUE);
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    heard,
    at: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    sockets,
    /** What it was told but macros, as `letter:text`; NUL shown as `|`. */
    get told(): readonly string[] {
      return heard
        .filter(({ letter }) => letter !== 'O' && letter !== 'D')
        .map(({ letter, text }) => `${letter}:${text.replaceAll('\0', '|')}`);
    },
    /** The macros of a stage by its command, the first time. */
    macros(letter: string): Readonly<Record<string, string>> {
      const parts = heard
        .find((each) => each.letter === 'D' && each.text.startsWith(letter))
        ?.text.slice(1)
        .split('\0');
      const pairs: Record<string, string> = {};
      for (let index = 0; index + 1 < (parts?.length ?? 0); index += 2)
        pairs[parts?.[index] as string] = parts?.[index + 1] as string;
      return pairs;
    },
    /** Resolves when a command with that letter is heard from now on. */
    hears(letter: string): Promise<void> {
      return new Promise((resolve) => {
        wait = { letter, resolve };
      });
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
