import assert from 'node:assert/strict';
import { existsSync, linkSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { ask, octetsOf, Refused } from '../../src/cli/control-client.ts';
import { PosthouseError, type QueueEntry, type QueueFilter } from '../../src/contract/index.ts';
import { QueueActRefused } from '../../src/delivery/index.ts';
import { summaryOf } from '../../src/delivery/queue-summary.ts';
import { ControlServer, type ControlServices, type QueueActions } from '../../src/server/control.ts';
import { workshop } from './configuration/workshop.ts';

function entry(item: string, message: string): QueueEntry {
  return { item: { id: item, message }, message: { id: message } } as unknown as QueueEntry;
}

/** A queue of two items of one message, which notes what it is asked. */
function queueOfTwo(): { readonly queue: QueueActions; readonly asked: unknown[] } {
  const entries = [entry('i1', 'm1'), entry('i2', 'm1')];
  const asked: unknown[] = [];
  const fitting = ({ item, message }: QueueFilter) =>
    entries.filter(
      (one) => (item ?? one.item.id) === one.item.id && (message ?? one.message.id) === one.message.id,
    );
  const lanesOf = (what: string) => (destination: string, transport?: string) => {
    asked.push([what, destination, transport]);
    return Promise.resolve([{ transport: transport ?? 'deliver-smtp', destination }]);
  };
  const queue: QueueActions = {
    list(filter, limit, after) {
      asked.push(['list', filter, limit, after]);
      return Promise.resolve({ entries: fitting(filter), next: 'more' });
    },
    summary(filter) {
      asked.push(['summary', filter]);
      return Promise.resolve(summaryOf([], 0));
    },
    show: (id) => Promise.resolve(entries.find(({ item, message }) => item.id === id || message.id === id)),
    inDelivery: (item) => item === 'i2',
    content: (one, part) => Readable.from([Buffer.from(`${part} of `), Buffer.from(one.message.id)]),
    plan(filter, act) {
      asked.push(['plan', filter, act]);
      const fit = fitting(filter);
      return Promise.resolve({ count: fit.length, entries: fit });
    },
    act(filter, act, most) {
      asked.push(['act', filter, act, most]);
      if (act.do === 'hold') return Promise.reject(new QueueActRefused('2 items fit, which is more than 1'));
      return Promise.resolve({ count: fitting(filter).length, busy: [] });
    },
    suspend: lanesOf('suspend'),
    resume: lanesOf('resume'),
  };
  return { queue, asked };
}

function servicesOf(queue: QueueActions, reload = () => Promise.resolve({ kept: ['a'] })): ControlServices {
  return { queue, trace: () => undefined, reload };
}

async function controlled(context: TestContext): Promise<{ path: string; asked: unknown[] }> {
  const path = join(workshop(context).folder, 'var', 'control.sock');
  const { queue, asked } = queueOfTwo();
  const server = new ControlServer(path, servicesOf(queue));
  await server.start();
  context.after(() => server.stop());
  return { path, asked };
}

test('the socket is for its owner alone, and gone after the stop', async (context) => {
  const path = join(workshop(context).folder, 'var', 'control.sock');
  const server = new ControlServer(path, servicesOf(queueOfTwo().queue));
  await server.start();
  assert.equal(statSync(path).mode & 0o777, 0o600);
  await server.stop();
  assert.ok(!existsSync(path));
});

test('filters, limit and page reach the queue, and its page comes back', async (context) => {
  const { path, asked } = await controlled(context);
  const page = await ask(
    path,
    'GET',
    '/queue?destination=a.example&state=held&arrivedBefore=5&limit=7&after=i0',
  );
  assert.deepEqual(asked, [['list', { destination: 'a.example', state: 'held', arrivedBefore: 5 }, 7, 'i0']]);
  assert.deepEqual(page, { entries: [entry('i1', 'm1'), entry('i2', 'm1')], next: 'more' });
});

test('a summary takes filters, and no others', async (context) => {
  const { path, asked } = await controlled(context);
  assert.deepEqual(await ask(path, 'GET', '/queue/summary?destination=a.example'), summaryOf([], 0));
  assert.deepEqual(asked, [['summary', { destination: 'a.example' }]]);
  await assert.rejects(ask(path, 'GET', '/queue/summary?limit=5'), /cannot be filtered by limit/);
});

test('an id is that of an item or of a message with all its items', async (context) => {
  const { path, asked } = await controlled(context);
  const both = [entry('i1', 'm1'), entry('i2', 'm1')];
  assert.deepEqual(await ask(path, 'GET', '/queue/i2'), { entries: [entry('i2', 'm1')], inDelivery: ['i2'] });
  assert.deepEqual(await ask(path, 'GET', '/queue/m1'), { entries: both, inDelivery: ['i2'] });
  await assert.rejects(ask(path, 'GET', '/queue/nothing'), Refused);
  asked.length = 0;
  assert.deepEqual(await ask(path, 'POST', '/queue/drop', { ids: ['i1', 'm1', 'x'] }), {
    count: 3,
    busy: [],
    missing: ['x'],
  });
});

test('an act reaches the queue with its words, and is bounded unless all is asked for', async (context) => {
  const { path, asked } = await controlled(context);
  const done = { count: 2, busy: [], missing: [] };
  assert.deepEqual(await ask(path, 'POST', '/queue/retry', { filter: { sender: '' } }), done);
  assert.deepEqual(await ask(path, 'POST', '/queue/bounce', { all: true, text: 'no' }), done);
  const reroute = { filter: { state: 'held' }, all: true, destination: 'b.example', transport: 'deliver-b' };
  await ask(path, 'POST', '/queue/reroute', reroute);
  await ask(path, 'POST', '/queue/reroute', { ids: ['i1'], anew: true });
  assert.deepEqual(asked, [
    ['act', { sender: '' }, { do: 'retry' }, 1000],
    ['act', {}, { do: 'bounce', text: 'no' }, Number.POSITIVE_INFINITY],
    [
      'act',
      { state: 'held' },
      { do: 'reroute', destination: 'b.example', transport: 'deliver-b' },
      Number.POSITIVE_INFINITY,
    ],
    ['act', { item: 'i1' }, { do: 'reroute', anew: true }, 1000],
  ]);
  await assert.rejects(ask(path, 'POST', '/queue/hold', { all: true }), Refused);
});

test('a dry run plans, shows, and does nothing', async (context) => {
  const { path, asked } = await controlled(context);
  const both = [entry('i1', 'm1'), entry('i2', 'm1')];
  assert.deepEqual(await ask(path, 'POST', '/queue/drop', { all: true, dryRun: true }), {
    count: 2,
    busy: [],
    missing: [],
    entries: both,
  });
  assert.deepEqual(asked, [['plan', {}, { do: 'drop' }]]);
});

test('the octets of a message come as they are', async (context) => {
  const { path } = await controlled(context);
  const read = async (url: string) => {
    let text = '';
    for await (const chunk of await octetsOf(path, url)) text += Buffer.from(chunk).toString();
    return text;
  };
  assert.equal(await read('/queue/i2/message'), 'message of m1');
  assert.equal(await read('/queue/m1/header'), 'header of m1');
  await assert.rejects(read('/queue/nothing/message'), Refused);
});

test('requests that make no sense are refused and change nothing', async (context) => {
  const { path, asked } = await controlled(context);
  const refused: readonly (readonly ['GET' | 'POST', string, object?])[] = [
    ['GET', '/queue?state=tired'],
    ['GET', '/queue?reason=none'],
    ['GET', '/queue?colour=red'],
    ['GET', '/queue?limit=0'],
    ['GET', '/queue?limit=1001'],
    ['GET', '/queue?arrivedBefore=yesterday'],
    ['GET', '/elsewhere'],
    ['GET', '/queue/%zz'],
    ['POST', '/queue/drop', {}],
    ['POST', '/queue/drop', { ids: 'i1' }],
    ['POST', '/queue/drop', { filter: { sender: 7 } }],
    ['POST', '/queue/drop', { filter: null }],
    ['POST', '/queue/drop', { filter: {} }],
    ['POST', '/queue/drop', { all: false }],
    ['POST', '/queue/drop', { all: 'yes' }],
    ['POST', '/queue/drop', { all: true, dryRun: 'yes' }],
    ['POST', '/queue/drop', { ids: ['i1'], all: true }],
    ['POST', '/queue/drop', { ids: ['i1'], filter: { sender: '' } }],
    ['POST', '/queue/explode', { all: true }],
    ['POST', '/queue/bounce', { all: true, text: 'two\r\nlines' }],
    ['POST', '/queue/bounce', { all: true, text: 'x'.repeat(501) }],
    ['POST', '/queue/reroute', { all: true }],
    ['POST', '/queue/reroute', { all: true, transport: 'deliver-b' }],
    ['POST', '/queue/reroute', { all: true, destination: 'b', anew: true }],
    ['POST', '/queue/drop', { ids: [], padding: 'x'.repeat(70_000) }],
  ];
  for (const [method, url, body] of refused) await assert.rejects(ask(path, method, url, body), Refused, url);
  assert.deepEqual(asked, []);
});

test('a body that is no JSON is answered, not obeyed', async (context) => {
  const { path, asked } = await controlled(context);
  const status = await new Promise((resolve, reject) => {
    const sent = request({ socketPath: path, method: 'POST', path: '/queue/drop' }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.on('error', reject);
    sent.end('{"filter":');
  });
  assert.equal(status, 400);
  assert.deepEqual(asked, []);
});

test('a live server keeps its socket; a second one does not start', async (context) => {
  const { path } = await controlled(context);
  await assert.rejects(new ControlServer(path, servicesOf(queueOfTwo().queue)).start(), {
    code: 'listen-failed',
    message: /another running server/,
  });
  assert.deepEqual(await ask(path, 'GET', '/queue/i1'), { entries: [entry('i1', 'm1')], inDelivery: [] });
});

test('the socket of a dead server is replaced, a file that is no socket is left alone', async (context) => {
  const { folder } = workshop(context);
  const path = join(folder, 'control.sock');
  const kept = join(folder, 'kept.sock');
  // A socket file without a listener, as kill -9 leaves it: closing removes the file, so it is linked aside first.
  const dead = createServer();
  await new Promise<void>((resolve) => dead.listen(kept, resolve));
  linkSync(kept, path);
  await new Promise((resolve) => dead.close(resolve));
  assert.ok(statSync(path).isSocket());
  const server = new ControlServer(path, servicesOf(queueOfTwo().queue));
  await server.start();
  await server.stop();

  const file = join(folder, 'precious.txt');
  writeFileSync(file, 'precious');
  await assert.rejects(new ControlServer(file, servicesOf(queueOfTwo().queue)).start(), {
    code: 'listen-failed',
  });
  assert.equal(statSync(file).size, 8);
});

test('where nobody answers, the client says so', async (context) => {
  await assert.rejects(ask(join(workshop(context).folder, 'none.sock'), 'GET', '/queue'), {
    code: 'control-unavailable',
  });
});

test('a reload tells what it came to, or why nothing has changed', async (context) => {
  const path = join(workshop(context).folder, 'control.sock');
  let works = true;
  const reload = () =>
    works
      ? Promise.resolve({ kept: ['a'] })
      : Promise.reject(new PosthouseError('config-invalid', 'posthouse.yaml:2:1 colour is unknown'));
  const server = new ControlServer(path, servicesOf(queueOfTwo().queue, reload));
  await server.start();
  context.after(() => server.stop());
  assert.deepEqual(await ask(path, 'POST', '/reload'), { kept: ['a'] });
  works = false;
  await assert.rejects(ask(path, 'POST', '/reload'), /^Error: posthouse\.yaml:2:1 colour is unknown$/);
});

test('a destination is suspended and resumed by its name, and nothing else is a destination', async (context) => {
  const { path, asked } = await controlled(context);
  assert.deepEqual(await ask(path, 'POST', '/lanes/suspend', { destination: 'a.example' }), {
    lanes: [{ transport: 'deliver-smtp', destination: 'a.example' }],
  });
  await ask(path, 'POST', '/lanes/resume', { destination: 'a.example', transport: 'deliver-lmtp' });
  assert.deepEqual(asked, [
    ['suspend', 'a.example', undefined],
    ['resume', 'a.example', 'deliver-lmtp'],
  ]);
  for (const wrong of [{}, { destination: '' }, { destination: 7 }, { destination: 'x'.repeat(1001) }])
    await assert.rejects(ask(path, 'POST', '/lanes/suspend', wrong), /destination must be a string/);
  const wrong = { destination: 'a.example', transport: 1 };
  await assert.rejects(ask(path, 'POST', '/lanes/suspend', wrong), /transport must be a string/);
});
