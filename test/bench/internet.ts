// A small internet for benches, run as a process of its own: a DNS server and mail hosts on loopback. What a domain is like
// stands in its name: `….fast.test` takes mail at once, `….slow.test` lets each message wait, `….dead.test` is refused or
// never greets. Each domain has a mail host and an address of its own (127.10.x.y fast, 127.20 slow, 127.30 dead).
// It prints one JSON line {dns, smtp} with its ports; for each line on standard input it prints how many messages the
// fast and the slow hosts have taken.

import { createSocket } from 'node:dgram';
import { createServer, type Socket } from 'node:net';
import { decode, encode, type Packet } from 'dns-packet';
import { serveHop } from '../support/small-hop.ts';

/** Milliseconds from the end of a message to its reply, at a slow host. */
const SLOWNESS = 5_000;
const taken = { fast: 0, slow: 0 };

type Kind = 'fast' | 'slow' | 'dead';
const NETWORK: Readonly<Record<Kind, number>> = { fast: 10, slow: 20, dead: 30 };

/** `d17.fast.test` and its mail host `mx.d17.fast.test`. */
const NAME = /^(?:mx\.)?d(\d+)\.(fast|slow|dead)\.test$/i;

function answersTo(name: string, type: string): NonNullable<Packet['answers']> {
  const match = NAME.exec(name);
  if (match === null) return [];
  const number = Number(match[1]);
  const kind = match[2] as Kind;
  const isHost = name.startsWith('mx.');
  if (type === 'MX' && !isHost)
    return [{ type: 'MX', name, ttl: 3600, data: { preference: 10, exchange: `mx.${name}` } }];
  if (type === 'A' && isHost) {
    const data = `127.${NETWORK[kind]}.${number >> 8}.${number & 255 || 255}`;
    return [{ type: 'A', name, ttl: 3600, data }];
  }
  return [];
}

function serve(socket: Socket): void {
  const network = Number(socket.localAddress?.split('.')[1]);
  if (network === NETWORK.dead) {
    socket.on('error', () => socket.destroy());
    // Every other one never says a word, like a host behind a firewall that drops.
    if (Number(socket.localAddress?.split('.')[3]) % 2 === 0) socket.destroy();
    return;
  }
  const kind = network === NETWORK.slow ? 'slow' : 'fast';
  serveHop(socket, (_, answer) => {
    taken[kind] += 1;
    if (kind === 'fast') answer();
    else setTimeout(answer, SLOWNESS);
  });
}

const dns = createSocket('udp4', (bytes, from) => {
  const { id, questions = [] } = decode(bytes);
  const answers = questions.flatMap(({ name, type }) => answersTo(name.toLowerCase(), type));
  const known = questions.every(({ name }) => NAME.test(name));
  // AUTHORITATIVE_ANSWER | RECURSION_AVAILABLE, and NXDOMAIN for what does not exist.
  const flags = 0x0480 | (known ? 0 : 3);
  dns.send(encode({ type: 'response', id: id ?? 0, flags, questions, answers }), from.port, from.address);
});
const hosts = createServer({ noDelay: true }, serve);
dns.bind(0, '127.0.0.1', () => {
  hosts.listen({ host: '0.0.0.0', port: 0, backlog: 4096 }, () => {
    const address = hosts.address();
    const smtp = typeof address === 'object' && address !== null ? address.port : 0;
    console.log(JSON.stringify({ dns: dns.address().port, smtp }));
  });
});
process.stdin.on('data', () => console.log(JSON.stringify(taken)));
process.stdin.on('end', () => process.exit(0));
