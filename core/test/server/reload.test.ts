// A server that takes over a new definition while mail flows: who sees what, who stays, who goes, and when.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { definePlugin, Outcome, QueueStore, Type, Verdict } from '../../src/contract/index.ts';
import { MemoryStore } from '../../src/intake/index.ts';
import type { PluginEntry, ServerDefinition } from '../../src/server/definition.ts';
import { connectedPair } from '../../src/server/in-process-socket.ts';
import { createServer, type Server } from '../../src/server/server.ts';
import { storeMemory } from '../../src/server/store-memory.ts';
import { fakeChance, fakeClock } from '../../src/testing/fake-clock.ts';
import { fakeResolver } from '../../src/testing/fake-resolver.ts';
import { recordingLogger } from '../../src/testing/recording-logger.ts';
import { gate } from '../delivery/room.ts';

const life: string[] = [];

/** Says its word at each RCPT, and tells of its life. */
const says = definePlugin({
  name: 'check-word',
  config: Type.Object({ word: Type.String() }),
  setup({ config: { word } }) {
    life.push(`setup ${word}`);
    return {
      start: () => void life.push(`start ${word}`),
      stop: () => void life.push(`stop ${word}`),
      hooks: {
        'on-rcpt': ({ recipient }) =>
          recipient.local === 'joe'
            ? Verdict.accept()
            : Verdict.reject('5.1.1', `${word} knows no such person`),
      },
    };
  },
});

const stays = definePlugin({
  name: 'observe-nothing',
  setup() {
    life.push('setup stays');
    return { start: () => void life.push('start stays'), stop: () => void life.push('stop stays') };
  },
});

const store = storeMemory();

function definition(plugins: readonly PluginEntry[], over: Partial<ServerDefinition> = {}): ServerDefinition {
  return {
    hostname: 'house.example',
    listeners: [{ name: 'mx', host: '127.0.0.1', port: 0 }],
    ...over,
    plugins: [store, ...plugins],
  };
}

async function open(
  context: TestContext,
  plugins: readonly PluginEntry[],
  over: Partial<ServerDefinition> = {},
) {
  life.length = 0;
  const clock = fakeClock();
  const log = recordingLogger();
  const system = { clock, chance: fakeChance(0.5), resolver: fakeResolver({}), logger: log };
  const server = createServer(definition(plugins, over), system);
  await server.start();
  // Also where the test fails on its way.
  context.after(() => server.stop());
  const told = (name: string) => log.lines.filter(({ text }) => text === name).map(({ fields }) => fields);
  return { server, clock, told };
}

/** A client that says a line and hears what comes of it. */
function client(server: Server) {
  const pair = connectedPair({
    remoteAddress: '192.0.2.1',
    remotePort: 40_000,
    localAddress: '198.51.100.1',
    localPort: 25,
  });
  server.listeners[0]?.accept(pair.server);
  let heard = '';
  pair.client.on('data', (bytes: Buffer) => {
    heard += bytes.toString();
  });
  return {
    async say(line: string): Promise<string> {
      heard = '';
      pair.client.write(`${line}\r\n`);
      for (let turns = 0; turns < 20; turns++) await turn();
      return heard;
    },
    end: () => pair.client.destroy(),
  };
}

async function settle(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await turn();
}

const MAIL = 'EHLO client.example\r\nMAIL FROM:<ann@client.example>';

test('new sessions see the new plan, old ones end with theirs, and a plugin goes with its last session', async (context) => {
  const { server } = await open(context, [says({ word: 'before' }), stays()]);
  const old = client(server);
  await old.say(MAIL);
  const report = await server.reload(definition([says({ word: 'after' }), stays()]));
  assert.deepEqual(
    [report.started, report.leaving, report.kept],
    [['check-word'], ['check-word'], ['store-memory', 'observe-nothing']],
  );
  const young = client(server);
  await young.say(MAIL);
  assert.match(await old.say('RCPT TO:<nobody@x.example>'), /before knows no such person/);
  assert.match(await young.say('RCPT TO:<nobody@x.example>'), /after knows no such person/);
  assert.deepEqual(life, [
    'setup before',
    'setup stays',
    'start before',
    'start stays',
    'setup after',
    'start after',
  ]);
  old.end();
  await settle();
  assert.equal(life.at(-1), 'stop before');
  young.end();
  await settle();
  assert.equal(life.at(-1), 'stop before');
  await server.stop();
  assert.deepEqual(life.slice(-2), ['stop after', 'stop stays']);
});

test('what the server is stopped with are the plugins that are at work, and those that were about to go', async (context) => {
  const { server, clock } = await open(context, [says({ word: 'before' })], { deadlines: { drain: '1s' } });
  const old = client(server);
  await old.say(MAIL);
  await server.reload(definition([says({ word: 'after' })], { deadlines: { drain: '1s' } }));
  const stopped = server.stop();
  await settle();
  await clock.advance(1000);
  await stopped;
  assert.deepEqual(life.filter((each) => each.startsWith('stop')).toSorted(), ['stop after', 'stop before']);
});

test('a definition that cannot be used changes nothing, and says why', async (context) => {
  const { server, told } = await open(context, [says({ word: 'before' })]);
  const failing = definePlugin({
    name: 'check-failing',
    setup: () => ({
      start() {
        throw new Error('no such file');
      },
    }),
  });
  const taken = server.addresses[0]?.port ?? 0;
  const other = definePlugin({
    name: 'store-other',
    provides: { queue: QueueStore },
    setup: () => ({ services: { queue: new MemoryStore() } }),
  });
  const wrong: readonly (readonly [ServerDefinition, RegExp])[] = [
    [definition([says({ word: 7 } as never)]), /word must be string/],
    [definition([says({ word: 'after' }), failing()]), /plugin check-failing could not start: no such file/],
    [definition([], { listeners: [] }), /listeners must have 1 entry or more/],
    [
      definition([says({ word: 'after' })], {
        listeners: [
          { name: 'mx', host: '127.0.0.1', port: 0 },
          { name: 'second', host: '127.0.0.1', port: taken },
        ],
      }),
      /listener second cannot listen/,
    ],
    [
      definition([], { hostname: 'other.example', delivery: { expireAfter: '1d' } }),
      /^hostname, delivery\.expireAfter cannot change/,
    ],
    [
      { ...definition([]), plugins: [other()] },
      /plugin store-other provides QueueStore, which cannot be exchanged/,
    ],
    [
      definition([], {
        listeners: [{ name: 'mx', host: '127.0.0.1', port: 0, auth: 'required', authWithoutTls: true }],
      }),
      /Authenticator/,
    ],
  ];
  for (const [given, why] of wrong) {
    const before = server.house;
    await assert.rejects(server.reload(given), (error: Error) => why.test(error.message));
    assert.equal(server.house, before);
    assert.match(String(told('configuration-refused').at(-1)?.text), why);
  }
  assert.equal(
    life.filter((each) => each === 'stop after').length,
    life.filter((each) => each === 'start after').length,
  );
  assert.ok(!life.includes('stop before'));
  const still = client(server);
  await still.say(MAIL);
  assert.match(await still.say('RCPT TO:<nobody@x.example>'), /before knows no such person/);
  still.end();
  await server.stop();
});

test('what needs a service that has changed is set up anew, and the rest is not', async (context) => {
  const { token } = await import('../../src/contract/index.ts');
  const Word = token<{ readonly word: string }>('Word');
  const gives = definePlugin({
    name: 'give-word',
    config: Type.Object({ word: Type.String() }),
    provides: { word: Word },
    setup: ({ config }) => ({ services: { word: { word: config.word } } }),
  });
  const needs = definePlugin({
    name: 'need-word',
    needs: { given: Word },
    setup({ given }) {
      life.push(`given ${given.word}`);
      return {};
    },
  });
  const { server } = await open(context, [gives({ word: 'one' }), needs(), stays()]);
  assert.deepEqual((await server.reload(definition([gives({ word: 'one' }), needs(), stays()]))).started, []);
  const report = await server.reload(definition([gives({ word: 'two' }), needs(), stays()]));
  assert.deepEqual(report.started, ['give-word', 'need-word']);
  assert.deepEqual(
    life.filter((each) => each.startsWith('given')),
    ['given one', 'given two'],
  );
  await server.stop();
});

test('the queue goes on: attempts that are under way end with their transport, the next ones take the new one', async (context) => {
  const slow = gate<void>();
  const deliveries: string[] = [];
  const carries = definePlugin({
    name: 'deliver-test',
    config: Type.Object({ by: Type.String() }),
    setup: ({ config: { by } }) => ({
      stop: () => void life.push(`stop ${by}`),
      hooks: {
        'on-deliver': {
          claim: () => 'here',
          async deliver() {
            if (by === 'before') await slow.promise;
            deliveries.push(by);
            return by === 'before' ? Outcome.deferred('4.2.2', 'full') : Outcome.delivered();
          },
        },
      },
    }),
  });
  const { server, clock } = await open(context, [says({ word: 'x' }), carries({ by: 'before' })]);
  const ann = client(server);
  await ann.say(`${MAIL}\r\nRCPT TO:<joe@x.example>\r\nDATA`);
  assert.match(await ann.say('Subject: x\r\n\r\nHello\r\n.'), /^250 /);
  ann.end();
  await settle();
  await server.reload(definition([says({ word: 'x' }), carries({ by: 'after' })]));
  await settle();
  assert.ok(!life.includes('stop before'), 'its attempt is under way');
  slow.open();
  await settle();
  assert.ok(life.includes('stop before'));
  await clock.advance(120_000);
  await settle();
  assert.deepEqual(deliveries, ['before', 'after']);
  assert.deepEqual(await server.house.store.counts(), { messages: 0, waiting: 0, held: 0, damaged: 0 });
  await server.stop();
});

test('listeners that stay keep their socket, others come and go; limits hold for new clients', async (context) => {
  const mx = { name: 'mx', host: '127.0.0.1', port: 0 } as const;
  const other = { name: 'other', host: '127.0.0.1', port: 0 } as const;
  const { server } = await open(context, [says({ word: 'x' })], { listeners: [mx] });
  const [listener] = server.listeners;
  const [before] = server.addresses;
  const opened = await server.reload(
    definition([says({ word: 'x' })], { listeners: [mx, other], limits: { messageSize: '64 KiB' } }),
  );
  assert.deepEqual([opened.opened, opened.closed, opened.started], [['other'], [], []]);
  assert.equal(server.listeners[0], listener);
  assert.deepEqual(server.addresses[0], before);
  assert.deepEqual(
    server.addresses.map(({ name }) => name),
    ['mx', 'other'],
  );
  const ann = client(server);
  assert.match(await ann.say(MAIL), /250-SIZE 65536/);
  ann.end();
  const closed = await server.reload(definition([says({ word: 'x' })], { listeners: [mx] }));
  assert.deepEqual([closed.opened, closed.closed], [[], ['other']]);
  assert.equal(server.addresses.length, 1);
  await server.stop();
});

test('a plugin that a row of delivery.destinations names cannot go: a restart would refuse it too', async (context) => {
  const carries = definePlugin({
    name: 'deliver-there',
    setup: () => ({ hooks: { 'on-deliver': { claim: () => 'there', deliver: () => Outcome.delivered() } } }),
  });
  const over = { delivery: { destinations: [{ match: ['*'], transport: 'deliver-there', rate: 5 }] } };
  const { server, told } = await open(context, [carries()], over);
  await assert.rejects(server.reload(definition([says({ word: 'x' })], over)), {
    code: 'config-invalid',
    message: /delivery\.destinations\[0\]\.transport: no plugin of that name carries mail: deliver-there/,
  });
  assert.equal(told('configuration-refused').length, 1);
  assert.equal(server.house.plugins.at(-1)?.name, 'deliver-there');
  assert.throws(() => createServer(definition([says({ word: 'x' })], over)), { code: 'config-invalid' });
  await server.reload(definition([carries(), says({ word: 'x' })], over));
  await server.stop();
});

test('reloads come one after the other, and none comes into a stop', async (context) => {
  const { server } = await open(context, [says({ word: 'one' })]);
  const both = [
    server.reload(definition([says({ word: 'two' })])),
    server.reload(definition([says({ word: 'three' })])),
  ];
  await Promise.all(both);
  assert.deepEqual(server.house.plugins[1]?.plugin.config, { word: 'three' });
  const stopped = server.stop();
  await assert.rejects(server.reload(definition([says({ word: 'four' })])), { code: 'restart-needed' });
  await stopped;
  assert.equal(
    life.filter((each) => each.startsWith('stop')).length,
    life.filter((each) => each.startsWith('start')).length,
  );
});

test('a plugin that never ends its start changes nothing, and does not keep the server from stopping', async (context) => {
  const hangs = definePlugin({
    name: 'check-hanging',
    setup: () => ({ start: () => new Promise<void>(() => {}) }),
  });
  const deadlines = { drain: '1s' } as const;
  const { server, clock } = await open(context, [says({ word: 'before' })], { deadlines });
  void server.reload(definition([says({ word: 'before' }), hangs()], { deadlines }));
  await settle();
  const ann = client(server);
  await ann.say(MAIL);
  assert.match(await ann.say('RCPT TO:<nobody@x.example>'), /before knows no such person/);
  ann.end();
  const stopped = server.stop();
  await settle();
  await clock.advance(1000);
  await stopped;
  assert.equal(life.at(-1), 'stop before');
});
