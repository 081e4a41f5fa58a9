// Clients that behave, while others do not: each sends message after message on connections of its own and keeps a ledger;
// the slowest transaction says whether they have noticed anything.

import { setTimeout as wait } from 'node:timers/promises';
import type { Ledger } from './ledger.ts';
import { expectCode, SmtpClient } from './smtp-client.ts';

const CLIENTS = 5;
const OCTETS = 4096;

export interface OrdinaryMail {
  readonly transactions: number;
  /** Milliseconds from the connection to the 250. */
  readonly slowest: number;
}

/** Sends while `until` has not resolved; rejects when a client gets anything but what it should. */
export async function sendOrdinaryMail(
  port: number,
  ledger: Ledger,
  recipient: string,
  until: Promise<unknown>,
): Promise<OrdinaryMail> {
  let over = false;
  const ended = until.finally(() => {
    over = true;
  });
  let transactions = 0;
  let slowest = 0;
  const client = async (): Promise<void> => {
    while (!over) {
      const began = performance.now();
      const connection = await SmtpClient.greet(port);
      const { id, content } = ledger.next(OCTETS);
      expectCode(
        await connection.send({ sender: 'good@client.example', recipients: [recipient] }, content),
        250,
      );
      ledger.promise(id);
      slowest = Math.max(slowest, performance.now() - began);
      transactions += 1;
      await connection.quit();
      await wait(20);
    }
  };
  await Promise.all([ended, ...Array.from({ length: CLIENTS }, client)]);
  return { transactions, slowest };
}
