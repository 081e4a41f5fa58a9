// A DNS server on loopback, over UDP and TCP on one port, that answers from a table and says of each answer whether it is
// secure, as a validating resolver does.

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type Answer, AUTHENTIC_DATA, decode, encode, TRUNCATED_RESPONSE } from 'dns-packet';

export interface ScriptedAnswer {
  readonly answers?: readonly Answer[];
  readonly authorities?: readonly Answer[];
  /** Default true. */
  readonly secure?: boolean;
  /** 2: SERVFAIL; 3: NXDOMAIN. */
  readonly rcode?: number;
  /** SERVFAIL, and the answer where the question asks to leave checking alone. */
  readonly bogus?: boolean;
  /** Says by UDP that there is more. */
  readonly truncated?: boolean;
  /** Goes out in the place of an answer; the id of the question is put in front. */
  readonly octets?: Uint8Array;
  /** Goes out before the answer, likewise with the wrong id. */
  readonly foreign?: boolean;
}

export type Zone = Record<string, ScriptedAnswer | 'silent' | undefined>;

export interface DnsServer extends AsyncDisposable {
  readonly address: string;
  /** Questions so far: `MX b.example`, with ` tcp` or ` cd` behind. */
  readonly asked: string[];
  /** By question: `TLSA _25._tcp.mx.b.example`. What is not in it does not exist, insecurely. */
  readonly zone: Zone;
}

export async function dnsServer(zone: Zone = {}): Promise<DnsServer> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const tcp = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    let heard = Buffer.alloc(0);
    socket.on('data', (octets) => {
      heard = Buffer.concat([heard, octets]);
      if (heard.length < 2 || heard.length < 2 + heard.readUInt16BE()) return;
      reply(heard.subarray(2), true, (answer) => {
        const length = Buffer.alloc(2);
        length.writeUInt16BE(answer.length);
        socket.write(length);
        socket.write(answer);
      });
    });
  });
  const udp = await besides(tcp);
  udp.on('message', (query, from) => {
    reply(query, false, (octets) => udp.send(octets, from.port, from.address));
  });

  function reply(query: Buffer, overTcp: boolean, send: (octets: Uint8Array) => void): void {
    const packet = decode(query);
    const { id = 0, questions = [], flag_cd: unchecked } = packet;
    const [question] = questions;
    const key = `${question?.type} ${question?.name}`;
    asked.push(`${key}${overTcp ? ' tcp' : ''}${unchecked ? ' cd' : ''}`);
    const found = zone[key] ?? { secure: false };
    if (found === 'silent') return;
    const { answers = [], authorities = [], secure = true, bogus, truncated, octets, foreign } = found;
    if (octets !== undefined) {
      const head = Buffer.alloc(2);
      head.writeUInt16BE(id);
      send(Buffer.concat([head, octets]));
      return;
    }
    const rcode = bogus && !unchecked ? 2 : (found.rcode ?? 0);
    const cut = truncated === true && !overTcp;
    const flags = rcode | (secure && !bogus ? AUTHENTIC_DATA : 0) | (cut ? TRUNCATED_RESPONSE : 0);
    const empty = cut || rcode === 2;
    const written = (as: number): Uint8Array =>
      encode({
        type: 'response',
        id: as,
        flags,
        questions,
        answers: empty ? [] : [...answers],
        authorities: [...authorities],
      });
    if (foreign) send(written(id ^ 1));
    send(written(id));
  }

  return {
    address: `127.0.0.1:${udp.address().port}`,
    asked,
    zone,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => tcp.close(resolve));
      await new Promise<void>((resolve) => udp.close(resolve));
    },
  };
}

/** Both on one port: what the system gives out for the one kind may be in use for the other, and then another is taken. */
async function besides(tcp: Server): Promise<UdpSocket> {
  for (;;) {
    await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
    const { port } = tcp.address() as AddressInfo;
    const udp = createSocket('udp4');
    const bound = await new Promise<boolean>((resolve) => {
      udp.once('error', () => resolve(false)).bind(port, '127.0.0.1', () => resolve(true));
    });
    if (bound) return udp;
    udp.close();
    await new Promise((resolve) => tcp.close(resolve));
  }
}

export function a(name: string, data = '127.0.0.1', ttl = 300): Answer {
  return { type: 'A', name, ttl, data };
}

export function mx(name: string, exchange: string, preference = 10, ttl = 300): Answer {
  return { type: 'MX', name, ttl, data: { preference, exchange } };
}

export function cname(name: string, data: string, ttl = 300): Answer {
  return { type: 'CNAME', name, ttl, data };
}

export function tlsa(
  name: string,
  data: { usage: number; selector: number; matchingType: number; certificate: Buffer },
  ttl = 300,
): Answer {
  return { type: 'TLSA', name, ttl, data };
}
