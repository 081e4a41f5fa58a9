import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { pluginModule, workshop } from '../server/configuration/workshop.ts';
import { MAIN } from './posthouse.ts';

const PLUGIN = `{
  start: () => void Promise.reject(new Error('nobody waits for it')),
  hooks: { 'on-rcpt': () => void setImmediate(() => { throw new Error('astray\\u0007'); }) },
}`;

interface Line {
  readonly msg: string;
  readonly [field: string]: unknown;
}

test('what nobody caught is in the log with its stack: the server outlives a rejection, and ends with an exception', {
  timeout: 30_000,
}, async (context) => {
  const { write } = workshop(context);
  const plugin = write('accept-astray.mjs', pluginModule('accept-astray', undefined, PLUGIN));
  const file = write(
    'posthouse.yaml',
    "hostname: mx.example.org\nlisteners: [{ name: mx, host: 127.0.0.1, port: 0 }]\nplugins: [{ use: '@posthouse/core/store-memory' }, { use: ./accept-astray.mjs }]\n",
  );
  const child = spawn(process.execPath, [MAIN, 'start', '--config', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  context.after(() => child.kill('SIGKILL'));
  const ended = once(child, 'close') as Promise<[number | null]>;
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const log: Line[] = [];
  for await (const text of createInterface({ input: child.stdout })) {
    const line = JSON.parse(text) as Line;
    log.push(line);
    if (line.msg === 'server-started') {
      const [{ port }] = line.listeners as [{ port: number }];
      const client = connect(port, '127.0.0.1');
      client.on('error', () => {});
      client.end('EHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\n');
      client.resume();
    }
  }
  assert.deepEqual(await ended, [1, null]);
  const uncaught = log.filter(({ msg }) => msg === 'error-uncaught');
  assert.deepEqual(
    uncaught.map(({ level, kind, error }) => [level, kind, error]),
    [
      ['error', 'rejection', 'nobody waits for it'],
      ['error', 'exception', 'astray\u0007'],
    ],
  );
  for (const { stack } of uncaught) assert.ok(String(stack).includes(plugin), String(stack));
  assert.match(
    said,
    /^An error that nobody caught ends the server: Error: astray\\u\{7\}\. What it has accepted/m,
  );
});
