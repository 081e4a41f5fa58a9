// Sends octets as they are: one message in one session, for tests whose subject is not the client.

import assert from 'node:assert/strict';
import { DotEncoder } from '@posthouse/core/smtp';
import { SmtpClient } from '../support/smtp-client.ts';

/** @param content CRLF line ends, no dot-stuffing */
export async function sendRaw(
  port: number,
  sender: string,
  recipients: readonly string[],
  content: Buffer,
): Promise<void> {
  const client = await SmtpClient.greet(port);
  const { code, text } = await client.send({ sender, recipients }, new DotEncoder().encode(content));
  assert.equal(code, 250, text);
  await client.quit();
}
