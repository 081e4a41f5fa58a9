// Several threads that receive, on real sockets: mail, limits, deaths, reloads and the end reach all of them.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { resolveDefinition } from '../../../src/server/configuration/index.ts';
import { storeMemory } from '../../../src/server/store-memory.ts';
import type { Client } from '../../reception/sockets.ts';
import { asks, sends, workersHouse } from './house.ts';

test('mail comes in through every worker and is delivered whole by the thread with the queue', async (t) => {
  const house = await workersHouse(t);
  const clients = await house.ofEachWorker();
  assert.equal(clients.size, 2);
  assert.ok(!clients.has('thread 0'));
  for (const client of clients.values()) {
    assert.match(await sends(client, 'joe', 4096), /^250 2\.0\.0 Queued as [0-9A-Z]{16}/m);
    // Over a block: drafted at the queue while it arrives, read back by the plugin, and edited into a draft of its own.
    assert.match(await sends(client, 'joe', 700_000), /^250 /m);
    assert.match(await sends(client, 'rewritten', 600_000), /^250 /m);
  }
  const delivered = await house.until('delivered', 6);
  assert.ok(delivered.every(({ thread, size, stated }) => thread === 0 && size === stated));
  const sizes = delivered.map(({ size }) => Number(size)).toSorted((a, b) => a - b);
  assert.ok((sizes[0] as number) < 5000 && (sizes[5] as number) > 699_000, sizes.join());
  const sessions = house.told('message-queued').map(({ session }) => session);
  assert.equal(new Set(sessions).size, 2);
});

test('connections are limited by address and in all, whichever workers the client gets', async (t) => {
  const house = await workersHouse(t, { limits: { connectionsPerAddress: 5, connections: 12 } });
  const open: Client[] = [];
  const attempt = async (address: string): Promise<boolean> => {
    const client = await house.admitted(address);
    if (client !== undefined) open.push(client);
    return client !== undefined;
  };
  let served = 0;
  for (let tries = 0; tries < 10; tries++) if (await attempt('192.0.2.7')) served += 1;
  assert.equal(served, 5);
  for (let tries = 0; tries < 10; tries++) if (await attempt(`198.51.100.${tries}`)) served += 1;
  assert.equal(served, 12);
  open[0]?.socket.destroy();
  await house.until('connection-closed', 1);
  assert.ok(await attempt('203.0.113.9'));
});

test('the limits of a destination hold whichever workers its mail came through', async (t) => {
  const house = await workersHouse(t, {
    word: 'slowly',
    delivery: { destinations: [{ match: ['here'], connections: 2 }] },
  });
  const clients = await house.ofEachWorker();
  await Promise.all(
    [...clients.values()].map(async (client) => {
      for (let each = 0; each < 6; each++) assert.match(await sends(client, 'joe', 100), /^250 /m);
    }),
  );
  const delivered = await house.until('delivered', 12);
  assert.ok(delivered.every(({ running }) => Number(running) <= 2));
});

test('what plugins count is counted in one place', async (t) => {
  const house = await workersHouse(t);
  const clients = [...(await house.ofEachWorker()).values()];
  const heard: string[] = [];
  for (let turn = 0; turn < 4; turn++)
    for (const client of clients) heard.push(await asks(client, 'counted'));
  assert.deepEqual(heard, [...Array(5).fill('counted'), ...Array(3).fill('too many')]);
});

test('failed logins in one worker block the address in the others', async (t) => {
  const house = await workersHouse(t, {
    limits: { authFailuresPerAddress: 2 },
    deadlines: { authDelay: 0 },
  });
  const others = await house.ofEachWorker();
  const before = await house.client('192.0.2.9');
  const failing = async (secret: string): Promise<void> => {
    before.say('EHLO c.example', `AUTH PLAIN ${Buffer.from(`\0joe\0${secret}`).toString('base64')}`);
    await before.hears(/535[^\n]*\n/);
  };
  await failing('one');
  await failing('two');
  // What is said on a line arrives in its order: an answer to a later question of each worker comes after the news.
  await asks(before, 'counted');
  for (const client of others.values()) await asks(client, 'counted');
  // Both workers, whichever the client gets.
  for (let tries = 0; tries < 8; tries++) {
    const client = await house.client('192.0.2.9');
    client.say('EHLO c.example', `AUTH PLAIN ${Buffer.from('\0joe\0three').toString('base64')}`);
    await client.hears(/421[^\n]*Too many authentication failures[^\n]*\n/);
  }
});

test('a TLS session that one worker began is resumed by the others and by successors, under the same settings', async (t) => {
  const listener = { name: 'mx', host: '127.0.0.1', port: 0, proxy: ['127.0.0.1'], tls: 'starttls' };
  const house = await workersHouse(t, { listeners: [listener] });
  const upgraded = async (client: Client, session?: Buffer): Promise<TLSSocket> => {
    client.say('EHLO c.example', 'STARTTLS');
    await client.hears(/220 2\.0\.0[^\n]*\n/);
    return client.secure(session === undefined ? {} : { session });
  };
  const [one, other] = [...(await house.ofEachWorker()).values()] as [Client, Client];
  const beginning = upgraded(one);
  const [session] = (await once(await beginning, 'session')) as [Buffer];
  assert.equal((await upgraded(other, session)).isSessionReused(), true);

  one.say('EHLO c.example', 'MAIL FROM:<a@c.example>', 'RCPT TO:<exit@x.example>');
  await house.until('worker-replaced');
  for (const client of (await house.ofEachWorker()).values())
    assert.equal((await upgraded(client, session)).isSessionReused(), true);

  await house.reload({ tls: { minVersion: 'TLSv1.3' } });
  for (const client of (await house.ofEachWorker()).values())
    assert.equal((await upgraded(client, session)).isSessionReused(), false);
});

for (const [how, why] of [
  ['throw', /a bug in a plugin/],
  ['exit', /ended itself with code 3/],
] as const)
  test(`a worker that dies (${how}) is replaced; the others go on`, async (t) => {
    const house = await workersHouse(t);
    const clients = await house.ofEachWorker();
    const [dies, lives] = [...clients.values()] as [Client, Client];
    dies.say('RSET', 'MAIL FROM:<a@c.example>', `RCPT TO:<${how}@x.example>`);
    await dies.isClosed();
    const [death] = await house.until('worker-died');
    assert.match(String(death?.why), why);
    assert.equal(death?.connections, 1);
    assert.match(await sends(lives, 'joe', 2000), /^250 /m);
    await house.until('worker-replaced');
    const after = await house.ofEachWorker();
    assert.equal(after.size, 2);
    // The connections of the dead count no more.
    assert.equal(house.server.house.definition.workers, 2);
    for (const client of after.values()) assert.match(await sends(client, 'joe', 2000), /^250 /m);
  });

test('a worker survives a promise that was rejected and let go, and the log tells of it', async (t) => {
  const house = await workersHouse(t);
  const [client] = [...(await house.ofEachWorker()).values()] as [Client];
  assert.match(await sends(client, 'rejection', 100), /^250 /m);
  const [told] = await house.until('error-uncaught');
  assert.equal(told?.kind, 'rejection');
  assert.match(String(told?.stack), /^Error: nobody waits for it\n.*plugin\.mjs/s);
  assert.equal(house.told('worker-died').length, 0);
});

test('a reload reaches every worker; who is connected ends with what was before', async (t) => {
  const house = await workersHouse(t);
  const before = await house.ofEachWorker();
  const report = await house.reload({ word: 'second' });
  assert.deepEqual(report.started, ['accept-and-tell']);
  for (const client of before.values()) assert.equal(await asks(client, 'word'), 'word first');
  const after = await house.ofEachWorker();
  assert.equal(after.size, 2);
  for (const client of after.values()) assert.equal(await asks(client, 'word'), 'word second');
  assert.equal(house.told('stopped').length, 0);
  for (const client of before.values()) client.socket.destroy();
  const stopped = await house.until('stopped', 3);
  assert.ok(stopped.every(({ word }) => word === 'first'));
});

test('a reload that one worker cannot do changes nothing anywhere', async (t) => {
  const house = await workersHouse(t);
  await assert.rejects(house.reload({ word: 'second', fail: true }), /it fails in workers/);
  for (const client of (await house.ofEachWorker()).values())
    assert.equal(await asks(client, 'word'), 'word first');
  await house.reload({ word: 'third' });
  for (const client of (await house.ofEachWorker()).values())
    assert.equal(await asks(client, 'word'), 'word third');
});

test('a start that fails in a worker is a start that fails', async (t) => {
  await assert.rejects(
    workersHouse(t, { fail: true }),
    /plugin accept-and-tell could not start: it fails in workers/,
  );
});

test('at the stop, open transactions end and everything else is told 421', async (t) => {
  const house = await workersHouse(t);
  const clients = [...(await house.ofEachWorker()).values()];
  const [busy, idle] = clients as [Client, Client];
  busy.say('RSET', 'MAIL FROM:<a@c.example>', 'RCPT TO:<joe@x.example>', 'DATA');
  await busy.hears(/354[^\n]*\n/);
  idle.say('RSET');
  await idle.hears(/250[^\n]*\n/);
  const stopped = house.server.stop();
  await idle.hears(/421[^\n]*\n/);
  busy.say('Subject: late', '', 'text', '.');
  await busy.hears(/250 2\.0\.0[^\n]*\n/);
  await stopped;
  assert.equal(house.told('server-draining')[0]?.connections, 2);
  assert.equal(house.told('worker-died').length, 0);
});

test('a definition in TypeScript receives in its own thread', () => {
  const definition = {
    hostname: 'x.example',
    listeners: [{ name: 'mx', host: '127.0.0.1', port: 0 }],
    plugins: [storeMemory()],
  };
  assert.equal(resolveDefinition({ ...definition, workers: 'auto' }, '/').workers, 1);
  assert.throws(
    () => resolveDefinition({ ...definition, workers: 2 as 1 }, '/'),
    /workers needs a configuration file: a definition in TypeScript brings its plugins as values/,
  );
});
