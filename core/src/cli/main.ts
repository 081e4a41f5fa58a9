#!/usr/bin/env node
// The command `posthouse`. It asks for the version of Node first and imports nothing before, because an old Node
// could not even load the rest.

const NEEDED = '24.15';
const [neededMajor, neededMinor] = NEEDED.split('.').map(Number) as [number, number];
const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];

if (major < neededMajor || (major === neededMajor && minor < neededMinor)) {
  process.stderr.write(
    `Posthouse needs Node.js ${NEEDED} or newer, and this is Node.js ${process.versions.node}.\n` +
      'Install a newer one, or let npm bring it: `npm install node@24` beside Posthouse, then `npx posthouse` or `npm start`.\n',
  );
  process.exitCode = 1;
} else {
  // Syncs of queue and mailboxes wait in Node's thread pool: a journal makes durable together what waits together, and
  // with Node's four threads a few slow ones hold up all others. It is made at its first use, so this comes before
  // anything else.
  process.env.UV_THREADPOOL_SIZE ??= '128';
  if (process.argv[2] === 'start') (await import('./young-heap.ts')).boundYoungHeap();
  void import('./run.ts').then(({ runFromShell }) => runFromShell());
}

export {};
