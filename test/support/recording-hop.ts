// A next hop for crash tests, run as a process of its own: keeps each message as a file in `new/` of a folder, under the
// time at which it was complete, and says 250 after that. Killed at any moment it leaves no half message there.
// Arguments: the folder, and the port (0 lets the system choose). It prints its port. Bodies must not need dot-stuffing.

import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { serveHop } from './small-hop.ts';

const [folder = '.', port = '0'] = process.argv.slice(2);
const complete = join(folder, 'new');
const incomplete = join(folder, 'tmp');
for (const each of [complete, incomplete]) mkdirSync(each, { recursive: true });
let kept = 0;

function keep(message: Uint8Array): void {
  const name = `${Date.now()}-${process.pid}-${kept++}`;
  writeFileSync(join(incomplete, name), message);
  renameSync(join(incomplete, name), join(complete, name));
}

const server = createServer({ noDelay: true }, (socket) =>
  serveHop(socket, (message, answer) => {
    keep(message);
    answer();
  }),
);
server.listen(Number(port), '127.0.0.1', () => {
  const address = server.address();
  console.log(typeof address === 'object' && address !== null ? address.port : 0);
});
