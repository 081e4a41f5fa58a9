import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Outcome, PosthouseError } from '@posthouse/core';
import { fakeChance, fakeClock, mount } from '@posthouse/core/testing';
import deliverMaildir from '../src/index.ts';

const MESSAGE = 'Subject: hello\r\n\r\nOne line\r\n.\r\nBare \r and \n and \0 and \xff\r\n';
const TRACE = 'Return-Path: <sender@client.example>\r\nDelivered-To: ann@ours.example\r\n';
const BUSY = Outcome.deferred('4.3.0', 'The mailbox cannot be written at the moment');

test('a message in memory arrives octet for octet, with its trace fields on top', async (t) => {
  const { root, config } = await house(t);
  await using plugin = await mount(deliverMaildir(config));
  const message = Buffer.from(MESSAGE, 'latin1');
  const outcomes = await plugin.deliver({ recipients: ['ann@ours.example'], message });
  assert.deepEqual(outcomes.get('ann@ours.example'), Outcome.delivered());
  assert.deepEqual(
    await only(join(root, 'ours.example/ann/new')),
    Buffer.concat([Buffer.from(TRACE), message]),
  );
});

test('a large message from the store arrives octet for octet', async (t) => {
  const { root, config } = await house(t);
  await using plugin = await mount(deliverMaildir(config));
  const message = Buffer.alloc(3_000_001, 'Some line of a text\r\n');
  await plugin.deliver({ recipients: ['ann@ours.example'], message, inMemory: false });
  const file = await only(join(root, 'ours.example/ann/new'));
  assert.ok(file.equals(Buffer.concat([Buffer.from(TRACE), message])));
});

for (const inMemory of [true, false]) {
  test(`lineEnds: lf writes the line ends of Unix, ${inMemory ? 'from memory' : 'from the store'}`, async (t) => {
    const { root, config } = await house(t);
    await using plugin = await mount(deliverMaildir({ ...config, lineEnds: 'lf' }));
    const text = 'A line of twenty!\r\n'.repeat(10_000);
    await plugin.deliver({ recipients: ['ann@ours.example'], message: text, inMemory });
    const file = await only(join(root, 'ours.example/ann/new'));
    assert.equal(file.toString(), (TRACE + text).replaceAll('\r\n', '\n'));
    const [name = ''] = await readdir(join(root, 'ours.example/ann/new'));
    assert.ok(name.endsWith(`,S=${file.length}`), name);
  });
}

test('a bounce has an empty return path', async (t) => {
  const { root, config } = await house(t);
  await using plugin = await mount(deliverMaildir(config));
  await plugin.deliver({ sender: null, recipients: ['ann@ours.example'], message: 'x' });
  assert.match((await only(join(root, 'ours.example/ann/new'))).toString(), /^Return-Path: <>\r\n/);
});

test('the name of the file tells time, process, host and size', async (t) => {
  const { root, config } = await house(t);
  const services = {
    clock: fakeClock(1_700_000_000_123),
    chance: fakeChance(0.5),
    identity: { hostname: 'mx/a:b.example', isSelf: () => false },
  };
  await using plugin = await mount(deliverMaildir(config), services);
  await plugin.deliver({ recipients: ['ann@ours.example'], message: 'x' });
  assert.deepEqual(await readdir(join(root, 'ours.example/ann/new')), [
    `1700000000.M123000P${process.pid}Q1_800000000000.mx\\057a\\072b.example,S=${TRACE.length + 1}`,
  ]);
});

test('folders and files are for their owner alone', async (t) => {
  const { root, config } = await house(t);
  await using plugin = await mount(deliverMaildir(config));
  await plugin.deliver({ recipients: ['ann@ours.example'], message: 'x' });
  for (const folder of ['', 'tmp', 'new', 'cur']) {
    assert.equal((await stat(join(root, 'ours.example/ann', folder))).mode & 0o777, 0o700);
  }
  const [name = ''] = await readdir(join(root, 'ours.example/ann/new'));
  assert.equal((await stat(join(root, 'ours.example/ann/new', name))).mode & 0o777, 0o600);
});

test('recipients that try to leave their folder stay below it', async (t) => {
  const { root, config } = await house(t);
  await using plugin = await mount(deliverMaildir(config));
  const recipients = [
    '"../../etc"@ours.example',
    '"/abs"@ours.example',
    '".."@ours.example',
    '"john doe"@ours.example',
  ];
  const outcomes = await plugin.deliver({ recipients, message: 'x' });
  assert.deepEqual(
    [...outcomes.values()],
    recipients.map(() => Outcome.delivered()),
  );
  assert.deepEqual(await readdir(root), ['ours.example']);
  assert.deepEqual((await readdir(join(root, 'ours.example'))).sort(), [
    '%2E.',
    '%2E.%2F..%2Fetc',
    '%2Fabs',
    'john%20doe',
  ]);
});

test('a hundred deliveries at a time to one mailbox make a hundred files', async (t) => {
  const { root, config } = await house(t);
  await using plugin = await mount(deliverMaildir(config), { clock: fakeClock(), chance: fakeChance(0) });
  await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      plugin.deliver({ recipients: ['ann@ours.example'], message: `${index}\r\n` }),
    ),
  );
  const folder = join(root, 'ours.example/ann/new');
  const bodies = await Promise.all(
    (await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')),
  );
  assert.equal(new Set(bodies).size, 100);
  assert.deepEqual(await readdir(join(root, 'ours.example/ann/tmp')), []);
});

test('many recipients of one message each get theirs, and each its outcome', async (t) => {
  const { root, config } = await house(t);
  await using plugin = await mount(deliverMaildir(config));
  await writeFile(join(await folderOf(root, 'ours.example'), 'user7'), 'a file where the Maildir should be');
  const recipients = Array.from({ length: 30 }, (_, index) => `user${index}@ours.example`);
  const outcomes = await plugin.deliver({ recipients, message: 'x' });
  for (const [recipient, outcome] of outcomes) {
    assert.deepEqual(outcome, recipient === 'user7@ours.example' ? BUSY : Outcome.delivered(), recipient);
  }
  assert.match(
    (await only(join(root, 'ours.example/user29/new'))).toString(),
    /Delivered-To: user29@ours\.example\r\n/,
  );
});

test('a Maildir that vanishes while the server runs is made anew', async (t) => {
  const { root, config } = await house(t);
  await using plugin = await mount(deliverMaildir(config));
  for (const gone of ['.', 'ann', 'ann/tmp', 'ann/new']) {
    await plugin.deliver({ recipients: ['ann@ours.example'], message: 'x' });
    await rm(join(root, 'ours.example', gone), { recursive: true });
    const outcomes = await plugin.deliver({ recipients: ['ann@ours.example'], message: 'x' });
    assert.deepEqual(outcomes.get('ann@ours.example'), Outcome.delivered(), gone);
    assert.deepEqual(await readdir(join(root, 'ours.example/ann/tmp')), []);
  }
});

test('a mailbox that cannot be written is tried again later, and its path stays in the log', async (t) => {
  const { root, config } = await house(t);
  await writeFile(join(await folderOf(root, 'ours.example'), 'ann'), 'a file where the Maildir should be');
  await using plugin = await mount(deliverMaildir(config));
  const outcomes = await plugin.deliver({ recipients: ['ann@ours.example'], message: 'x' });
  assert.deepEqual(outcomes.get('ann@ours.example'), BUSY);
  const [line] = plugin.log.lines.filter(({ level }) => level === 'error');
  assert.equal(line?.fields.folder, join(root, 'ours.example/ann'));
});

test('a read-only folder defers', {
  skip: process.getuid?.() === 0 && 'root may write anywhere',
}, async (t) => {
  const { root, config } = await house(t);
  const folder = await folderOf(root, 'ours.example');
  await chmod(folder, 0o500);
  await using plugin = await mount(deliverMaildir(config));
  const outcomes = await plugin.deliver({ recipients: ['ann@ours.example'], message: 'x' });
  await chmod(folder, 0o700);
  assert.deepEqual(outcomes.get('ann@ours.example'), BUSY);
});

test('a full disk and a full quota have their own words', async (t) => {
  const { config } = await house(t);
  await using plugin = await mount(deliverMaildir(config));
  const answers = [
    ['ENOSPC', Outcome.deferred('4.3.1', 'The mail system is full', { scope: 'destination' })],
    ['EDQUOT', Outcome.deferred('4.2.2', 'The mailbox is full')],
    ['EACCES', BUSY],
  ] as const;
  for (const [code, outcome] of answers) {
    const broken = failingAfter(100_000, Object.assign(new Error(code), { code }));
    const outcomes = await plugin.deliver({
      recipients: ['ann@ours.example'],
      message: broken,
      inMemory: false,
    });
    assert.deepEqual(outcomes.get('ann@ours.example'), outcome);
  }
});

test('a message that breaks off in the middle leaves nothing behind', async (t) => {
  const { root, config } = await house(t);
  await using plugin = await mount(deliverMaildir(config));
  const broken = failingAfter(100_000, new PosthouseError('store-failed', 'the body cannot be read'));
  await assert.rejects(
    plugin.deliver({ recipients: ['ann@ours.example'], message: broken, inMemory: false }),
    {
      code: 'store-failed',
    },
  );
  assert.deepEqual(await readdir(join(root, 'ours.example/ann/tmp')), []);
  assert.deepEqual(await readdir(join(root, 'ours.example/ann/new')), []);
});

test('an aborted delivery stops in the middle and defers', async (t) => {
  const { root, config } = await house(t);
  await using plugin = await mount(deliverMaildir(config));
  const outcomes = await plugin.deliver({
    recipients: ['ann@ours.example'],
    message: Buffer.alloc(1_000_000),
    inMemory: false,
    signal: AbortSignal.abort(),
  });
  assert.deepEqual(outcomes.get('ann@ours.example'), BUSY);
  assert.deepEqual(await readdir(join(root, 'ours.example/ann/tmp')), []);
});

test('recipients of our domains are claimed, a lane for each domain', async (t) => {
  const { config } = await house(t);
  await using plugin = await mount(deliverMaildir({ ...config, domains: ['ours.example', 'also.example'] }));
  assert.equal(await plugin.claim('ann@OURS.example'), 'ours.example');
  assert.equal(await plugin.claim('ann@also.example'), 'also.example');
  assert.equal(await plugin.claim('postmaster'), 'ours.example');
  assert.equal(await plugin.claim('ann@elsewhere.example'), undefined);
});

async function house(t: TestContext) {
  const root = await mkdtemp(join(tmpdir(), 'deliver-maildir-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  return { root, config: { domains: ['ours.example'], path: join(root, '{domain}/{local}') } };
}

async function folderOf(root: string, name: string): Promise<string> {
  const folder = join(root, name);
  await mkdir(folder);
  return folder;
}

/** The one file of a folder. */
async function only(folder: string): Promise<Buffer> {
  const names = await readdir(folder);
  assert.equal(names.length, 1);
  return readFile(join(folder, names[0] as string));
}

/** Octets whose second half cannot be read. */
function failingAfter(size: number, error: Error): Uint8Array {
  return new Proxy(Buffer.alloc(2 * size), {
    get(buffer, key) {
      if (key !== 'subarray') return Reflect.get(buffer, key, buffer);
      return (from: number, to: number) => {
        if (from >= size) throw error;
        return buffer.subarray(from, to);
      };
    },
  });
}
