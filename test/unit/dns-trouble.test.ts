// Checks that ask DNS, in a whole house: whatever DNS does, a session goes on within its budgets, the questions of one
// stage are asked side by side, and nothing of them stays.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import checkAuth from '@posthouse/check-auth';
import checkClient from '@posthouse/check-client';
import checkDnsbl from '@posthouse/check-dnsbl';
import checkSenderDomain from '@posthouse/check-sender-domain';
import { definePlugin, Verdict } from '@posthouse/core';
import {
  deliverMemory,
  fakeClock,
  fakeResolver,
  type HouseOptions,
  openHouse,
} from '@posthouse/core/testing';
import { type Answer, decode, encode, type Packet } from 'dns-packet';

const accepts = definePlugin({
  name: 'accepts',
  setup: () => ({ hooks: { 'on-rcpt': () => Verdict.accept() } }),
});
/** What asks DNS about the client, HELO, the sender, the author, signers and links. */
const checks = () => [
  checkClient({ unconfirmedReverseName: 'defer', unknownHelo: 'defer' } as never),
  checkDnsbl({
    zones: [
      'one.example',
      'two.example',
      { zone: 'helo.example', of: ['helo'] },
      { zone: 'sender.example', of: ['sender'] },
      { zone: 'link.example', of: ['link'] },
    ],
  }),
  checkAuth(),
];
const messageOf = (domain: string): string =>
  [
    `DKIM-Signature: v=1; a=rsa-sha256; d=${domain}; s=s; h=from; bh=AAAA; b=AAAA`,
    `From: <ann@${domain}>`,
    '',
    `See https://www.${domain}/`,
    '.',
    '',
  ].join('\r\n');

/** Says a line and gives the reply; `meanwhile` is called again and again until it is there. */
function speaker(stream: Duplex, meanwhile: () => Promise<unknown>) {
  let heard = '';
  stream.on('data', (octets: Buffer) => {
    heard += octets.toString('latin1');
  });
  return async (line: string): Promise<string> => {
    if (line !== '') stream.write(line.endsWith('\r\n') ? line : `${line}\r\n`);
    for (;;) {
      const reply = /^(?:\d{3}-[^\r]*\r\n)*\d{3} [^\r]*\r\n/.exec(heard)?.[0];
      if (reply !== undefined) {
        heard = heard.slice(reply.length);
        return reply;
      }
      await meanwhile();
    }
  };
}

describe('DNS that never answers', () => {
  /** Questions that nobody has answered or given up. */
  const open = new Set<string>();
  const never = (type: string) => (name: string, signal?: AbortSignal) =>
    new Promise<never>((_, reject) => {
      const question = `${type} ${name}`;
      open.add(question);
      signal?.addEventListener('abort', () => {
        open.delete(question);
        reject(signal.reason);
      });
    });
  const silent = (): ReturnType<typeof fakeResolver> => ({
    ...fakeResolver({}),
    mx: never('MX'),
    mxRecords: never('MX'),
    a: never('A'),
    addresses: never('ADDRESS'),
    txt: never('TXT'),
    ptr: never('PTR'),
  });

  /** A session: the fake milliseconds that each reply took, and what was asked without waiting for anything else. */
  async function session(plugins: HouseOptions['plugins']) {
    open.clear();
    const clock = fakeClock();
    await using house = await openHouse({
      plugins: [...plugins, accepts(), deliverMemory()],
      resolver: silent(),
      clock,
    });
    // check-dnsbl looks, at its start, whether a list has come to list the world.
    open.clear();
    const stream = house.connect({ remoteAddress: '192.0.2.1' });
    let turns = 0;
    /** Questions that were asked one beside the other, and those that were there before. */
    const asked: string[][] = [];
    const known = new Set<string>();
    const say = speaker(stream, async () => {
      await turn();
      turns += 1;
      // Whatever can happen without time passing has happened.
      if (turns % 20 === 0) {
        const here = [...open].filter((question) => !known.has(question));
        if (here.length > 0) asked.push(here.sort());
        for (const question of here) known.add(question);
        await clock.advance(500);
      }
    });
    const took: number[] = [];
    const replies: string[] = [];
    for (const line of [
      '',
      'EHLO mx.client.example',
      'MAIL FROM:<ann@client.example>',
      'RCPT TO:<bob@house.example>',
      'DATA',
      messageOf('client.example'),
    ]) {
      const began = clock.now();
      turns = 0;
      replies.push((await say(line)).slice(0, 9));
      took.push(clock.now() - began);
    }
    stream.destroy();
    const failed = house.events('handler-failed');
    return { took, replies, asked, failed };
  }

  test('a session is held up by each stage for its budget, and by no more', async () => {
    const { took, replies, failed } = await session(checks());
    assert.deepEqual(failed, []);
    const [banner, ehlo, mail, rcpt, data, message = 0] = took;
    // At MAIL check-client has five seconds, and so has check-dnsbl, whose turn is behind it.
    assert.deepEqual([banner, ehlo, mail, rcpt, data], [0, 0, 10_000, 0, 0]);
    // Links have five seconds, SPF four, DKIM and DMARC four together.
    assert.ok(message <= 5000 + 4000 + 4000, `${message} ms`);
    // DMARC depends on what DNS did not say.
    assert.equal(replies.at(-1), '451 4.4.3');
    assert.deepEqual([...open], []);
  });

  test('what one check wants to know it asks side by side, and what it knows early it asks early', async () => {
    const { asked } = await session(checks());
    assert.deepEqual(asked, [
      ['A 1.2.0.192.one.example', 'A 1.2.0.192.two.example', 'MX mx.client.example', 'PTR 192.0.2.1'],
      ['A client.example.sender.example', 'A mx.client.example.helo.example'],
      // SPF since MAIL, beside what the other checks ask about the message.
      ['A client.example.link.example', 'TXT client.example'],
      ['TXT _dmarc.client.example', 'TXT s._domainkey.client.example'],
    ]);
  });

  test('a check without a budget of its own has that of its hook', async () => {
    const { took, replies, failed } = await session([checkSenderDomain()]);
    assert.deepEqual([took[2], replies[2]], [10_000, '451 4.3.0']);
    assert.deepEqual(
      failed.map(({ plugin, problem }) => `${plugin} ${problem}`),
      ['check-sender-domain timed-out'],
    );
  });
});

/** A DNS server that does what a function says with each question. */
async function dnsThat(answers: (name: string, type: string, response: Packet) => Buffer | undefined) {
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const { id = 0, questions = [] } = decode(query);
    const [{ name, type } = { name: '', type: 'A' }] = questions;
    const octets = answers(name, type, { type: 'response', id, flags: 0x8180, questions, answers: [] });
    if (octets !== undefined) socket.send(octets, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return {
    server: `127.0.0.1:${socket.address().port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => socket.close(() => resolve())),
  };
}

const record = (name: string, type: string, data: unknown): Answer => ({ name, type, data }) as Answer;
const answered = (response: Packet, ...answers: Answer[]): Buffer => encode({ ...response, answers });
/** For each type a record that leads on to another name, for ever: SPF includes, aliases, mail hosts, names of addresses. */
const leadingOn = (name: string, type: string): Answer => {
  const next = `x.${name.split('.').slice(-6).join('.')}`;
  if (type === 'TXT') return record(name, type, `v=spf1 include:${next} include:y.${next} redirect=${next}`);
  if (type === 'MX') return record(name, type, { exchange: next, preference: 10 });
  return record(name, type === 'PTR' ? type : 'CNAME', next);
};

describe('DNS that', () => {
  const table: readonly (readonly [what: string, Parameters<typeof dnsThat>[0]])[] = [
    ['fails', (_n, _t, response) => encode({ ...response, flags: 0x8182 })],
    ['refuses', (_n, _t, response) => encode({ ...response, flags: 0x8185 })],
    ['talks nonsense', () => Buffer.alloc(600, 0xff)],
    ['answers somebody else', (_n, _t, response) => encode({ ...response, id: (response.id ?? 0) ^ 1 })],
    ['is cut off', (name, _, response) => answered(response, record(name, 'A', '192.0.2.1')).subarray(0, 30)],
    ['wants TCP, where nobody listens', (_n, _t, response) => encode({ ...response, flags: 0x8380 })],
    [
      'answers with aliases of themselves',
      (name, _, response) => answered(response, record(name, 'CNAME', name)),
    ],
    ['always leads on', (name, type, response) => answered(response, leadingOn(name, type))],
    [
      'answers with records of another kind',
      (name, _, response) => answered(response, record(name, 'TXT', 'v=DMARC1; p=reject')),
    ],
  ];
  for (const [what, answers] of table) {
    test(`${what} ends no session, and holds none up for long`, async () => {
      let questions = 0;
      await using dns = await dnsThat((...question) => {
        questions += 1;
        return answers(...question);
      });
      await using house = await openHouse({
        plugins: [...checks(), accepts(), deliverMemory()],
        dns: { servers: [dns.server], timeout: '50ms' },
      });
      const stream = house.connect({ remoteAddress: '192.0.2.1' });
      const say = speaker(stream, () => once(stream, 'data'));
      const began = performance.now();
      let reply = await say('');
      for (const line of ['EHLO mx.client.example', 'MAIL FROM:<ann@client.example>'])
        reply = await say(line);
      if (reply.startsWith('2')) {
        for (const line of ['RCPT TO:<bob@house.example>', 'DATA', messageOf('client.example')])
          reply = await say(line);
      }
      assert.match(reply, /^[245]\d\d /);
      assert.match(await say('NOOP'), /^250 /);
      stream.destroy();
      assert.deepEqual(house.events('handler-failed'), []);
      // RFC 7208 §4.6.4 and the budgets; three tries of each.
      assert.ok(questions < 200, `${questions} questions`);
      assert.ok(performance.now() - began < 40_000);
    });
  }
});

describe('DNS whose every answer is large', () => {
  let collect: () => void;
  before(() => {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  });
  after(() => setFlagsFromString('--no-expose-gc'));

  test('does not fill the memory, however many domains there are', async () => {
    const text = Array.from({ length: 20 }, (_, n) => `${n}`.padEnd(220, 'x'));
    let large = 0;
    await using dns = await dnsThat((name, type, response) =>
      type === 'TXT' && ++large > 0
        ? answered(response, ...text.map((each) => record(name, type, `v=spf1 ${name} ${each}`)))
        : answered(response),
    );
    await using house = await openHouse({
      plugins: [checkAuth(), accepts(), deliverMemory()],
      dns: { servers: [dns.server], timeout: '2s' },
    });
    const send = async (from: number, to: number): Promise<number> => {
      const stream = house.connect({ remoteAddress: '192.0.2.1' });
      const say = speaker(stream, () => once(stream, 'data'));
      await say('');
      await say('EHLO mx.client.example');
      for (let index = from; index < to; index++) {
        await say(`MAIL FROM:<ann@d${index}.example>`);
        await say('RCPT TO:<bob@house.example>');
        await say('DATA');
        assert.match(await say(messageOf(`d${index}.example`)), /^\d/);
      }
      stream.destroy();
      await turn();
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = await send(0, 100);
    const grown = (await send(100, 400)) - before;
    assert.ok(large > 600, `${large} large answers`);
    // Three answers of 5 KiB for each message: kept, they would be 4.5 MiB, beside the log that the test keeps.
    assert.ok(grown < 3 << 20, `${grown} octets more after 300 domains`);
  });
});
