// Brings one question to one DNS server and its answer back: by UDP from a socket of its own, so that the system draws
// a new port each time (RFC 5452 §4.5), and by TCP where the answer is too big for a datagram.

import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import type { Clock } from '@posthouse/core';
import { type Answer, BadAnswer, encodeQuestion, type Question, readAnswer } from './question.ts';

export interface DnsServer {
  readonly address: string;
  readonly port: number;
}

export interface Patience {
  readonly clock: Clock;
  /** Milliseconds. */
  readonly timeout: number;
}

/** Throws a BadAnswer, also when the time is up. */
export async function exchange(
  server: DnsServer,
  question: Question,
  patience: Patience,
  checkingDisabled = false,
): Promise<Answer> {
  const id = randomInt(65_536);
  const query = encodeQuestion(question, id, checkingDisabled);
  const answer = await overUdp(server, query, patience, (octets) => readAnswer(octets, question, id));
  if (answer !== 'truncated') return answer;
  const whole = readAnswer(await overTcp(server, query, patience), question, id);
  if (whole === 'truncated') throw new BadAnswer('an answer cut short over TCP');
  if (whole === 'foreign') throw new BadAnswer('an answer to another question');
  return whole;
}

function overUdp<T>(
  { address, port }: DnsServer,
  query: Buffer,
  { clock, timeout }: Patience,
  read: (octets: Buffer) => T | 'foreign',
): Promise<T> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const end = (then: () => void): void => {
      timer.stop();
      socket.removeAllListeners().on('error', () => {});
      socket.close();
      then();
    };
    const timer = clock.after(timeout, () => end(() => reject(new BadAnswer('no answer in time'))));
    socket.on('error', (error) => end(() => reject(new BadAnswer(error.message))));
    socket.on('message', (octets) => {
      try {
        const answer = read(octets);
        // Someone guesses; the answer is still to come.
        if (answer !== 'foreign') end(() => resolve(answer));
      } catch (error) {
        end(() => reject(error));
      }
    });
    // Connected: what others send to this port does not reach us.
    socket.connect(port, address, () => socket.send(query));
  });
}

function overTcp({ address, port }: DnsServer, query: Buffer, { clock, timeout }: Patience): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port });
    let heard = Buffer.alloc(0);
    const end = (then: () => void): void => {
      timer.stop();
      socket.removeAllListeners().on('error', () => {});
      socket.destroy();
      then();
    };
    const fail = (text: string): void => end(() => reject(new BadAnswer(text)));
    const timer = clock.after(timeout, () => fail('no answer in time'));
    socket.on('error', (error) => fail(error.message));
    socket.on('close', () => fail('the connection was closed'));
    socket.on('connect', () => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(query.length);
      socket.write(Buffer.concat([length, query]));
    });
    socket.on('data', (octets) => {
      // RFC 1035 §4.2.2: its length in two octets first, so no answer is longer than 65535.
      heard = Buffer.concat([heard, octets]);
      if (heard.length < 2 || heard.length < 2 + heard.readUInt16BE()) return;
      const answer = heard.subarray(2, 2 + heard.readUInt16BE());
      end(() => resolve(answer));
    });
  });
}
