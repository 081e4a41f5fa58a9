// A next hop that answers by the rules and keeps every octet that it was sent, and the readings of those octets by hops
// that are not so strict: what each of them would take for messages and for commands.

import { createServer, type Server, type Socket } from 'node:net';

export interface LenientHopOptions {
  /** Greeted with LHLO it answers for each recipient. Default: CHUNKING and BINARYMIME are not offered. */
  readonly binary?: boolean;
}

export interface LenientHop extends AsyncDisposable {
  readonly port: number;
  /** All octets of each connection, as Latin-1. */
  readonly streams: readonly string[];
}

/** One way to find the end of data: what ends a line before the dot and behind it, and whether NULs are overlooked. */
export interface Leniency {
  readonly name: string;
  readonly end: RegExp;
  readonly withoutNul: boolean;
}

const LINE_ENDS = { CRLF: '\\r\\n', LF: '\\n', CR: '\\r' } as const;

/** The rules: CRLF.CRLF (RFC 5321 §4.1.1.4). */
export const STRICT: Leniency = { name: 'strict', end: /(?:^|\r\n)\.\r\n/, withoutNul: false };

/** Each pair of line ends around the dot, all of them at once, whatever number of CRs; with NULs and without. */
export const LENIENCIES: readonly Leniency[] = [
  ...Object.entries(LINE_ENDS).flatMap(([before, first]) =>
    Object.entries(LINE_ENDS).map(([behind, second]) => ({
      name: `${before}.${behind}`,
      // By the rules a message ends too.
      end: new RegExp(`(?:^|\\r\\n|${first})\\.(?:\\r\\n|${second})`),
    })),
  ),
  { name: 'any line end', end: /(?:^|[\r\n])\.(?:\r\n|\n|\r)/ },
  { name: 'any number of CRs', end: /(?:^|\n)\r*\.\r*\n/ },
  { name: 'LF CR', end: /(?:^|\r\n|\n\r)\.(?:\r\n|\n\r)/ },
].flatMap(({ name, end }) => [
  { name, end, withoutNul: false },
  { name: `${name}, NULs overlooked`, end, withoutNul: true },
]);

export interface Reading {
  readonly commands: readonly string[];
  readonly messages: number;
}

/** What a hop of that leniency makes of the octets of one connection. */
export function reading(stream: string, { end, withoutNul }: Leniency): Reading {
  const commands: string[] = [];
  let messages = 0;
  let rest = stream;
  for (let line = /\r?\n/.exec(rest); line !== null; line = /\r?\n/.exec(rest)) {
    const command = rest.slice(0, line.index);
    commands.push(command);
    rest = rest.slice(line.index + line[0].length);
    const chunk = /^BDAT (\d+)/.exec(command)?.[1];
    if (chunk !== undefined) {
      // Octets that are counted have no end that could be mistaken (RFC 3030 §2).
      rest = rest.slice(Number(chunk));
      messages += 1;
    } else if (command === 'DATA') {
      // The strict end bounds the search, so that what is overlooked changes nothing behind it.
      const bound = STRICT.end.exec(rest);
      const whole = bound === null ? rest.length : bound.index + bound[0].length;
      const seen = withoutNul ? rest.slice(0, whole).replaceAll('\0', '') + rest.slice(whole) : rest;
      const found = end.exec(seen);
      if (found === null) return { commands, messages };
      rest = seen.slice(found.index + found[0].length);
      messages += 1;
    }
  }
  return { commands, messages };
}

/** A next hop on loopback, by SMTP or LMTP as it is greeted. */
export async function lenientHop({ binary = false }: LenientHopOptions = {}): Promise<LenientHop> {
  const streams: string[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer({ noDelay: true }, (socket) => {
    const connection = streams.push('') - 1;
    sockets.add(socket);
    serve(socket, binary, (octets) => {
      streams[connection] += octets;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    streams,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function serve(socket: Socket, binary: boolean, keep: (octets: string) => void): void {
  let heard = '';
  let lmtp = false;
  let recipients = 0;
  let inMessage = false;
  let chunk = -1;
  const say = (text: string): void => {
    socket.write(`${text}\r\n`);
  };
  const taken = (): void => {
    for (let due = lmtp ? recipients : 1; due > 0; due--) say('250 taken');
    recipients = 0;
  };
  const obey = (line: string): void => {
    const verb = line.split(' ', 1)[0];
    if (verb === 'RCPT') recipients += 1;
    if (verb === 'BDAT') chunk = Number(line.split(' ')[1]);
    else if (verb === 'DATA') {
      inMessage = true;
      say('354 go on');
    } else if (verb === 'EHLO' || verb === 'LHLO') {
      lmtp = verb === 'LHLO';
      const more = binary ? '\r\n250-CHUNKING\r\n250-BINARYMIME' : '';
      say(`250-lenient.example\r\n250-PIPELINING\r\n250-8BITMIME${more}\r\n250 SMTPUTF8`);
    } else if (verb === 'QUIT') socket.end('221 bye\r\n');
    else say('250 ok');
  };
  socket.on('error', () => {});
  socket.on('data', (bytes: Buffer) => {
    const octets = bytes.toString('latin1');
    keep(octets);
    heard += octets;
    for (;;) {
      if (chunk !== -1) {
        if (heard.length < chunk) return;
        heard = heard.slice(chunk);
        chunk = -1;
        taken();
        continue;
      }
      const end = (inMessage ? STRICT.end : /\r\n/).exec(heard);
      if (end === null) return;
      const text = heard.slice(0, end.index);
      heard = heard.slice(end.index + end[0].length);
      if (!inMessage) obey(text);
      else {
        inMessage = false;
        taken();
      }
    }
  });
  say('220 lenient.example');
}
