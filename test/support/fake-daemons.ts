// The daemons that checks ask, on loopback: with nothing to say against any message, or against all of them. They do no
// more than answer, in the process that makes them, so that a bench sees what asking costs the server.

import { once } from 'node:events';
import { createServer as createWebServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { serveHop } from './small-hop.ts';

export interface FakeDaemons extends AsyncDisposable {
  /** `127.0.0.1:port`, of a clamd. */
  readonly clamd: string;
  /** The URL of an rspamd. */
  readonly rspamd: string;
  /** `127.0.0.1:port`, of a milter that wants to hear everything, and judges at the end of the message. */
  readonly milter: string;
  /** The port of a next hop that takes every recipient. */
  readonly nextHop: number;
}

/** @param refuse they find something in every message */
export async function fakeDaemons({ refuse = false } = {}): Promise<FakeDaemons> {
  const servers = [
    createServer(clamd(refuse ? 'stream: Test FOUND' : 'stream: OK')),
    createWebServer(rspamd(refuse ? 'reject' : 'no action')),
    createServer(milter(refuse ? REJECT : CONTINUE)),
    createServer(nextHop),
  ];
  const ports = await Promise.all(servers.map(portOf));
  const [clamdPort = 0, rspamdPort = 0, milterPort = 0, nextHopPort = 0] = ports;
  return {
    clamd: `127.0.0.1:${clamdPort}`,
    rspamd: `http://127.0.0.1:${rspamdPort}`,
    milter: `127.0.0.1:${milterPort}`,
    nextHop: nextHopPort,
    // The servers that asked have ended, and their connections with them.
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
    },
  };
}

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** clamd(8), INSTREAM: chunks behind their lengths, a length of zero at the end. */
function clamd(finding: string): (socket: Socket) => void {
  return (socket) => {
    /** Octets until the next length. */
    let ahead = 'zINSTREAM\0'.length;
    let rest: Buffer = Buffer.alloc(0);
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes: Buffer) => {
      rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
      while (rest.length >= ahead + 4) {
        const length = rest.readUInt32BE(ahead);
        rest = rest.subarray(ahead + 4);
        ahead = length;
        if (length === 0) socket.end(`${finding}\0`);
      }
    });
  };
}

function rspamd(action: string): RequestListener {
  const answer = JSON.stringify({ action, score: 0.1, required_score: 15, symbols: {} });
  return (asked, response) => {
    asked.resume();
    asked.on('end', () => response.end(answer));
  };
}

/** Version 6, every action allowed, no step left out, as a milter says that knows no more than it must. */
const TERMS = Buffer.from('0000000d4f000000060000000000000000', 'hex');
const CONTINUE = Buffer.from('0000000163', 'hex');
const REJECT = Buffer.from('0000000172', 'hex');
/** Macros, abort and quit have no answer. */
const UNANSWERED = 'DAQK';

function milter(judgement: Buffer): (socket: Socket) => void {
  return (socket) => {
    let rest: Buffer = Buffer.alloc(0);
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes: Buffer) => {
      rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
      const answers: Buffer[] = [];
      while (rest.length >= 5 && rest.length >= 4 + rest.readUInt32BE(0)) {
        const letter = String.fromCharCode(rest[4] as number);
        rest = rest.subarray(4 + rest.readUInt32BE(0));
        if (letter === 'O') answers.push(TERMS);
        else if (!UNANSWERED.includes(letter)) answers.push(letter === 'E' ? judgement : CONTINUE);
      }
      if (answers.length > 0) socket.write(Buffer.concat(answers));
    });
  };
}

function nextHop(socket: Socket): void {
  serveHop(socket, (_, answer) => answer());
}
