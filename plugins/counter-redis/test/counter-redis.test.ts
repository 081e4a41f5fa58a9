import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { test } from 'node:test';
import type { Counters } from '@posthouse/core';
import { mount } from '@posthouse/core/testing';
import counterRedis from '../src/index.ts';

const request = { key: 'messages/address/192.0.2.1', amount: 1, most: 3, window: 60_000 };

async function listening(hear: (socket: Socket) => void): Promise<{ server: Server; url: string }> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    hear(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

for (const [what, hear] of [
  ['never says a word', () => {}],
  ['speaks another protocol', (socket: Socket) => socket.write('220 mail.example ESMTP\r\n')],
  ['hangs up', (socket: Socket) => socket.destroy()],
] as const) {
  test(`a Redis that ${what} makes questions fail, not wait`, async () => {
    const { server, url } = await listening(hear);
    await using plugin = await mount(counterRedis({ url }));
    const counters = plugin.services.counters as Counters;
    await assert.rejects(async () => counters.take([request]));
    await assert.rejects(async () => counters.add([request]));
    await plugin.stop();
    server.close();
  });
}

test('a server starts without Redis, and its operator hears of it', async () => {
  const { server, url } = await listening(() => {});
  server.close();
  await once(server, 'close');
  await using plugin = await mount(counterRedis({ url }));
  await assert.rejects(async () => (plugin.services.counters as Counters).take([request]));
  while (plugin.log.lines.length === 0) await new Promise(setImmediate);
  assert.match(plugin.log.lines[0]?.text ?? '', /Redis cannot be reached/);
});

test('what can never fit needs no Redis', async () => {
  await using plugin = await mount(counterRedis());
  const asked = { ...request, amount: 4 };
  assert.deepEqual(await (plugin.services.counters as Counters).take([asked]), {
    request: asked,
    wait: undefined,
  });
});
