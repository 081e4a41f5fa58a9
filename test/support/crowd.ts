// Many clients at once, most of them hostile, in a process of their own. Run as `node crowd.js <JSON of Crowd>`: it prints
// a JSON line when all of them are where they should be, another when all have been shut out, and ends with its input.

import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface Crowd {
  readonly port: number;
  readonly count: number;
  readonly behaviour: Behaviour;
  /** Clients come from 127.0.`subnet`.1 and the addresses behind it. */
  readonly subnet: number;
}

export interface CrowdLine {
  readonly event: 'placed' | 'shut-out';
  readonly clients: number;
  /** How often each reply code ended a connection; `none` where it ended without a reply. */
  readonly lastReplies: Readonly<Record<string, number>>;
}

const ENVELOPE =
  'EHLO crowd.example\r\nMAIL FROM:<crowd@client.example>\r\nRCPT TO:<box1@posthouse.test>\r\nDATA\r\n';
const MIB = Buffer.alloc(1024 * 1024, 'a');
const ENDLESS = 64;
const RSETS = 10_000;

/** What each client does once it is connected; it is in its place when `placed` is called. */
const BEHAVIOURS = {
  /** Says EHLO and nothing more. */
  idle: (socket, placed) => {
    socket.write('EHLO crowd.example\r\n');
    whenHeard(socket, '250 ', placed);
  },
  /** The same under TLS, for which it asks with STARTTLS. */
  'idle-starttls': (socket, placed) => {
    socket.write('EHLO crowd.example\r\n');
    whenHeard(socket, '250 ', () => {
      socket.write('STARTTLS\r\n');
      whenHeard(socket, '220 ', () => {
        socket.removeAllListeners('data');
        const secure = connectTls({ socket, rejectUnauthorized: false });
        secure.on('error', () => {});
        secure.write('EHLO crowd.example\r\n');
        whenHeard(secure, '250 ', placed);
      });
    });
  },
  /** Begins a command and goes on with it octet by octet. */
  'slow-command': (socket, placed) => {
    trickle(socket);
    whenHeard(socket, '220 ', placed);
  },
  /** Begins a message and goes on with it octet by octet. */
  'slow-message': (socket, placed) => {
    socket.write(ENVELOPE);
    whenHeard(socket, '354 ', () => {
      trickle(socket);
      placed();
    });
  },
  /** Sends 64 MiB without a line end where a command should be. */
  'endless-command': (socket, placed) => {
    pour(socket, placed);
  },
  /** Sends 64 MiB without a line end as a message. */
  'endless-message': (socket, placed) => {
    socket.write(ENVELOPE);
    whenHeard(socket, '354 ', () => pour(socket, placed));
  },
  /** Sends 10,000 RSETs in one go, and reads what comes. */
  rsets: (socket, placed) => {
    socket.write('RSET\r\n'.repeat(RSETS));
    placed();
  },
  /** Sends octets that are no TLS to a port that expects it. */
  'tls-garbage': (socket, placed) => {
    socket.write(Buffer.alloc(1000, 'garbage'));
    placed();
  },
  /** Begins a TLS handshake and stops in the middle of the first record. */
  'tls-half-open': (socket, placed) => {
    socket.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]));
    placed();
  },
} as const satisfies Readonly<Record<string, (socket: Socket, placed: () => void) => void>>;

export type Behaviour = keyof typeof BEHAVIOURS | 'idle-tls';

function trickle(socket: Socket): void {
  const timer = setInterval(() => socket.write('x'), 500);
  socket.on('close', () => clearInterval(timer));
}

function pour(socket: Socket, placed: () => void): void {
  let left = ENDLESS;
  const more = (): void => {
    if (left === 0 || socket.destroyed) placed();
    else {
      left -= 1;
      socket.write(MIB, more);
    }
  };
  socket.on('close', placed);
  more();
}

function whenHeard(socket: Socket, text: string, then: () => void): void {
  let heard = '';
  const listen = (bytes: Buffer): void => {
    heard += bytes.toString('latin1');
    if (!heard.includes(text)) return;
    socket.removeListener('data', listen);
    then();
  };
  socket.on('data', listen);
}

/** At most so many are on their way at a time: the backlog of a listening socket is bounded too. */
const AT_A_TIME = 200;

async function gather({ port, count, behaviour, subnet }: Crowd): Promise<void> {
  const lastReplies: Record<string, number> = {};
  let shutOut = 0;
  const say = (event: CrowdLine['event'], clients: number): void =>
    void process.stdout.write(`${JSON.stringify({ event, clients, lastReplies } satisfies CrowdLine)}\n`);
  const one = (index: number): Promise<void> =>
    new Promise((resolve) => {
      const localAddress = `127.0.${subnet + Math.floor(index / 250)}.${1 + (index % 250)}`;
      const address = { host: '127.0.0.1', port, localAddress };
      const tls = behaviour === 'idle-tls';
      const socket = tls ? connectTls({ ...address, rejectUnauthorized: false }) : connect(address);
      let last = '';
      socket.on('data', (bytes: Buffer) => {
        last = (last + bytes.toString('latin1')).slice(-200);
      });
      socket.on('error', () => {});
      socket.on('close', () => {
        const code = /(?:^|\n)(\d{3}) [^\n]*\r\n$/.exec(last)?.[1] ?? 'none';
        lastReplies[code] = (lastReplies[code] ?? 0) + 1;
        shutOut += 1;
        resolve();
        if (shutOut === count) say('shut-out', shutOut);
      });
      socket.on(tls ? 'secureConnect' : 'connect', () =>
        BEHAVIOURS[tls ? 'idle' : behaviour](socket, resolve),
      );
    });
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await one(next++);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  say('placed', count - shutOut);
}

process.stdin.on('end', () => process.exit(0)).resume();
await gather(JSON.parse(process.argv[2] as string) as Crowd);
