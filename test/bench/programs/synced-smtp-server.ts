// smtp-server as a careful program would use it: a file for each message, written, synced and renamed before the 250.
// Run as `node synced-smtp-server.js <folder> <certificate> <key>`; prints its port.

import { mkdirSync, readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { SMTPServer } from 'smtp-server';

const [folder, certificate, key] = process.argv.slice(2) as [string, string, string];
mkdirSync(folder, { recursive: true });
let count = 0;

async function keep(body: Buffer): Promise<void> {
  const name = join(folder, String(++count));
  const file = await open(`${name}.new`, 'w');
  try {
    await file.writeFile(body);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${name}.new`, name);
}

const server = new SMTPServer({
  authOptional: true,
  disableReverseLookup: true,
  cert: readFileSync(certificate),
  key: readFileSync(key),
  onData(stream, _session, callback) {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      keep(Buffer.concat(chunks)).then(
        () => callback(),
        (error: Error) => callback(error),
      );
    });
  },
});
server.on('error', (error) => console.error(error.message));
server.listen(0, '127.0.0.1', () => {
  console.log((server.server.address() as AddressInfo).port);
});
process.on('SIGTERM', () => process.exit(0));
