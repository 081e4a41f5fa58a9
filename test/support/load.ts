// Load for crash tests: one client that sends one message after the other until its server is killed.

import assert from 'node:assert/strict';
import type { Ledger } from './ledger.ts';
import { SmtpClient } from './smtp-client.ts';

/**
 * Resolves when the connection has died, or when there is nothing more to send. Rejects when a message got anything but
 * its 250.
 */
export async function loadUntilKilled(
  port: number,
  ledger: Ledger,
  sizeOfNext: () => number,
  recipientOfNext: () => string,
  goesOn: () => boolean = () => true,
): Promise<void> {
  let client: SmtpClient | undefined;
  try {
    client = await SmtpClient.greet(port);
    while (goesOn()) {
      const { id, content } = ledger.next(sizeOfNext());
      const recipients = [recipientOfNext()];
      const reply = await client.send({ sender: 'load@client.example', recipients }, content);
      assert.equal(reply.code, 250, reply.text);
      ledger.promise(id);
    }
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    // The server has been killed.
  } finally {
    client?.destroy();
  }
}
