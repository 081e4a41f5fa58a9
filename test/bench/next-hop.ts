// The next hop of the relay jobs, in a process of its own, so that what it costs is nobody's.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { NextHop } from './measure.ts';

export async function startSink(): Promise<NextHop & AsyncDisposable & { readonly port: number }> {
  const script = fileURLToPath(new URL('./programs/sink.js', import.meta.url));
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const port = Number((await lines.next()).value);
  return {
    port,
    async count() {
      child.stdin.write('\n');
      return Number((await lines.next()).value);
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
    },
  };
}
