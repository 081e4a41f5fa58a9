// Whole deliveries to scripted LMTP servers: outcomes by recipient, and the exact octets that arrived.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Outcome } from '@posthouse/core';
import {
  type FakeClock,
  fakeClock,
  fakeResolver,
  type MountedPlugin,
  mount,
  type Script,
  scriptedHop,
} from '@posthouse/core/testing';
import deliverLmtp from '../src/index.ts';

const MESSAGE = 'Subject: hello\r\n\r\nHello\r\n.dot\r\n';
const ON_WIRE = 'Subject: hello\r\n\r\nHello\r\n..dot\r\n.\r\n';
const THREE = ['ann@a.example', 'bob@a.example', 'cyd@a.example'];

type Config = Parameters<typeof deliverLmtp>[0];

interface Room extends AsyncDisposable {
  readonly plugin: MountedPlugin;
  readonly clock: FakeClock;
  send(to?: readonly string[], more?: object): Promise<Record<string, string>>;
  outcomes(to?: readonly string[], more?: object): Promise<Record<string, Outcome | undefined>>;
}

async function room(
  config: Partial<Config>,
  isSelf: (address: string) => boolean = () => false,
): Promise<Room> {
  const clock = fakeClock();
  const resolver = fakeResolver({
    'box.example': { a: ['127.0.0.1'] },
    'two.example': { a: ['127.0.0.2', '127.0.0.1'] },
    'gone.example': 'unavailable',
  });
  const identity = { hostname: 'mx.a.example', isSelf: (_: string, address: string) => isSelf(address) };
  const plugin = await mount(deliverLmtp({ domains: ['a.example'], ...config }), {
    clock,
    resolver,
    identity,
  });
  const outcomes = async (to: readonly string[] = ['ann@a.example'], more = {}) => {
    const destination = (await plugin.claim(to[0] as string)) ?? '';
    const details = { destination, sender: 's@s.example', recipients: to, message: MESSAGE, ...more };
    return Object.fromEntries(await plugin.deliver(details));
  };
  return {
    plugin,
    clock,
    outcomes,
    async send(to, more) {
      return Object.fromEntries(Object.entries(await outcomes(to, more)).map(([who, of]) => [who, kind(of)]));
    },
    [Symbol.asyncDispose]: () => plugin.stop(),
  };
}

function kind(outcome: Outcome | undefined): string {
  if (outcome === undefined) return 'none';
  return 'status' in outcome ? `${outcome.kind} ${outcome.status}` : outcome.kind;
}

async function until(condition: () => boolean): Promise<void> {
  const start = performance.now();
  while (!condition()) {
    if (performance.now() - start > 5000) throw new Error('waited in vain');
    await turn();
  }
}

const replies = (by: Readonly<Record<string, string>>) => (line: string) =>
  by[/<([^@]*)@/.exec(line)?.[1] ?? ''] ?? '250 2.0.0 saved';

describe('a delivery by LMTP', () => {
  it('says LHLO, pipelines, and takes a reply for each recipient', async () => {
    await using hop = await scriptedHop({
      message: replies({ bob: '452 4.2.2 over quota', cyd: '552 5.2.2 mailbox full' }),
    });
    await using house = await room({ host: '127.0.0.1', port: hop.port });
    assert.deepEqual(await house.send(THREE), {
      'ann@a.example': 'delivered',
      'bob@a.example': 'deferred 4.2.2',
      'cyd@a.example': 'failed 5.2.2',
    });
    assert.deepEqual(hop.sessions[0]?.chunks, [
      'LHLO mx.a.example\r\n',
      `MAIL FROM:<s@s.example> SIZE=31\r\n${THREE.map((to) => `RCPT TO:<${to}>\r\n`).join('')}DATA\r\n`,
      ON_WIRE,
    ]);
  });

  it('keeps the words of the server for each recipient', async () => {
    await using hop = await scriptedHop({ message: replies({ bob: '552 5.2.2 <bob> is full' }) });
    await using house = await room({ host: 'box.example', port: hop.port });
    const outcomes = await house.outcomes(['ann@a.example', 'bob@a.example']);
    assert.deepEqual(outcomes['ann@a.example'], {
      kind: 'delivered',
      text: '250 2.0.0 saved',
      remote: { host: 'box.example', reply: '250 2.0.0 saved' },
    });
    assert.deepEqual(outcomes['bob@a.example'], {
      kind: 'failed',
      status: '5.2.2',
      text: 'box.example said: 552 5.2.2 <bob> is full',
      remote: { host: 'box.example', reply: '552 5.2.2 <bob> is full' },
    });
  });

  it('goes command by command without PIPELINING', async () => {
    await using hop = await scriptedHop({ keywords: [], RCPT: replies({ bob: '550 5.1.1 unknown' }) });
    await using house = await room({ host: '127.0.0.1', port: hop.port, helo: 'relay.a.example' });
    assert.deepEqual(await house.send(THREE), {
      'ann@a.example': 'delivered',
      'bob@a.example': 'failed 5.1.1',
      'cyd@a.example': 'delivered',
    });
    assert.deepEqual(hop.sessions[0]?.lines, [
      'LHLO relay.a.example',
      'MAIL FROM:<s@s.example>',
      ...THREE.map((to) => `RCPT TO:<${to}>`),
      'DATA',
      '<message>',
    ]);
  });

  it('goes to a Unix socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'posthouse-lmtp-'));
    try {
      const socket = join(folder, 'lmtp');
      await using hop = await scriptedHop({ STARTTLS: '220 go on' }, { path: socket });
      await using house = await room({ socket });
      assert.equal(await house.plugin.claim('ann@a.example'), `unix:${socket}`);
      assert.deepEqual(await house.send(), { 'ann@a.example': 'delivered' });
      assert.equal(hop.sessions[0]?.lines.includes('STARTTLS'), false);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('uses a kept connection for the next message, without RSET', async () => {
    await using hop = await scriptedHop({ message: replies({ ann: '452 4.2.2 full' }) });
    await using house = await room({ host: '127.0.0.1', port: hop.port });
    await house.send(['ann@a.example', 'bob@a.example']);
    await house.send(['bob@a.example']);
    assert.equal(hop.sessions.length, 1);
    assert.equal(hop.sessions[0]?.lines.includes('RSET'), false);
    assert.equal(hop.sessions[0]?.messages.length, 2);
  });

  it('streams what is not in memory', async () => {
    await using hop = await scriptedHop();
    await using house = await room({ host: '127.0.0.1', port: hop.port });
    const message = `Subject: big\r\n\r\n${`${'x'.repeat(70)}\r\n`.repeat(12_000)}`;
    await house.send(THREE, { message, inMemory: false });
    assert.equal(hop.sessions[0]?.messages[0], `${message}.\r\n`);
  });

  it('asks the next address when the first does not answer', async () => {
    await using hop = await scriptedHop();
    await using house = await room({ host: 'two.example', port: hop.port });
    assert.deepEqual(await house.send(), { 'ann@a.example': 'delivered' });
  });

  it('takes 8BITMIME, SMTPUTF8 and SIZE where they are offered, and fails what needs them where not', async () => {
    await using able = await scriptedHop();
    await using house = await room({ host: '127.0.0.1', port: able.port });
    assert.deepEqual(await house.send(['änn@a.example'], { message: 'Subject: x\r\n\r\né\r\n' }), {
      'änn@a.example': 'delivered',
    });
    assert.match(able.sessions[0]?.lines[1] ?? '', /SIZE=18 BODY=8BITMIME SMTPUTF8$/);
    await using plain = await scriptedHop({ keywords: ['SIZE 20'] });
    await using strict = await room({ host: '127.0.0.1', port: plain.port });
    assert.deepEqual(await strict.send(), { 'ann@a.example': 'failed 5.3.4' });
    const short = { message: 'S: x\r\n\r\né\r\n' };
    assert.deepEqual(await strict.send(['ann@a.example'], short), { 'ann@a.example': 'failed 5.6.3' });
    assert.deepEqual(await strict.send(['änn@a.example'], short), { 'änn@a.example': 'failed 5.6.7' });
  });
});

describe('the claim', () => {
  it('is for the domains, and all of them share the server and its connections', async () => {
    await using house = await room({ domains: ['A.example', 'bücher.example'], host: 'box.example' });
    assert.equal(await house.plugin.claim('ann@a.example'), '[box.example]:24');
    assert.equal(await house.plugin.claim('ann@xn--bcher-kva.example'), '[box.example]:24');
    assert.equal(await house.plugin.claim('postmaster'), '[box.example]:24');
    assert.equal(await house.plugin.claim('ann@sub.a.example'), undefined);
  });

  it('leaves the detail out where a delimiter is configured', async () => {
    await using hop = await scriptedHop();
    await using house = await room({ host: '127.0.0.1', port: hop.port, recipientDelimiter: '+' });
    assert.deepEqual(await house.send(['ann+news@a.example', '+odd@a.example']), {
      'ann+news@a.example': 'delivered',
      '+odd@a.example': 'delivered',
    });
    assert.deepEqual(hop.sessions[0]?.lines.slice(2, 4), [
      'RCPT TO:<ann@a.example>',
      'RCPT TO:<+odd@a.example>',
    ]);
  });

  it('needs either a socket or a host', async () => {
    for (const config of [{}, { socket: '/x', host: 'box.example' }])
      await assert.rejects(room(config), /either socket or host/);
  });
});

describe('trouble', () => {
  const rows: readonly (readonly [string, Script, string, string])[] = [
    ['a refused LHLO', { LHLO: '500 5.5.1 what' }, 'deferred 4.3.2', 'deferred 4.3.2'],
    ['421 as a greeting', { greeting: '421 4.3.2 busy' }, 'deferred 4.3.2', 'deferred 4.3.2'],
    ['451 to MAIL', { MAIL: '451 4.3.0 no' }, 'deferred 4.3.0', 'deferred 4.3.0'],
    ['503 to DATA', { DATA: '503 5.5.1 no' }, 'failed 5.5.1', 'failed 5.5.1'],
    ['a connection lost at DATA', { DATA: 'DROP' }, 'deferred 4.4.2', 'deferred 4.4.2'],
    ['a connection lost in the message', { early: 'DROP' }, 'deferred 4.4.2', 'deferred 4.4.2'],
    ['a connection lost after the message', { message: 'DROP' }, 'deferred 4.4.2', 'deferred 4.4.2'],
    [
      'a connection lost between the replies',
      { message: replies({ bob: 'DROP' }) },
      'delivered',
      'deferred 4.4.2',
    ],
    [
      '421 between the replies',
      { message: replies({ bob: '421 4.3.0 bye' }) },
      'delivered',
      'deferred 4.3.0',
    ],
    ['an early refusal', { early: '552 5.2.2 full' }, 'failed 5.2.2', 'deferred 4.4.2'],
    ['nonsense between the replies', { message: replies({ bob: '199 hm' }) }, 'delivered', 'deferred 4.4.2'],
    ['354 for nobody', { RCPT: '550 5.1.1 no' }, 'failed 5.1.1', 'failed 5.1.1'],
  ];
  for (const [name, script, ann, bob] of rows) {
    it(`${name} is ${ann} for the first and ${bob} for the second`, async () => {
      await using hop = await scriptedHop(script);
      await using house = await room({ host: '127.0.0.1', port: hop.port });
      assert.deepEqual(await house.send(['ann@a.example', 'bob@a.example']), {
        'ann@a.example': ann,
        'bob@a.example': bob,
      });
    });
  }

  it('of the server makes its other messages wait: no socket, no address, no DNS, ourselves', async () => {
    const expected: readonly (readonly [Partial<Config>, string])[] = [
      [{ socket: '/nonexistent/lmtp' }, '4.4.1'],
      [{ host: 'nowhere.example' }, '4.4.4'],
      [{ host: 'gone.example' }, '4.4.3'],
      [{ host: '192.0.2.9' }, '4.3.5'],
    ];
    for (const [config, status] of expected) {
      await using house = await room(config, (address) => address === '192.0.2.9');
      const outcome = (await house.outcomes())['ann@a.example'];
      assert.equal(kind(outcome), `deferred ${status}`);
      assert.equal(outcome?.kind === 'deferred' && outcome.scope, 'destination');
    }
  });

  it('of one mailbox leaves the others alone', async () => {
    await using hop = await scriptedHop({ message: '452 4.2.2 full' });
    await using house = await room({ host: '127.0.0.1', port: hop.port });
    const outcome = (await house.outcomes())['ann@a.example'];
    assert.equal(outcome?.kind === 'deferred' && outcome.scope, undefined);
  });

  it('that is a silence after the first reply ends at the deadline, which each reply begins anew', async () => {
    await using hop = await scriptedHop({ message: replies({ bob: 'SILENCE' }) });
    await using house = await room({ host: '127.0.0.1', port: hop.port });
    const sent = house.send(['ann@a.example', 'bob@a.example']);
    await until(() => hop.sessions[0]?.lines.includes('<message>') === true);
    await house.clock.advance(610_000);
    assert.deepEqual(await sent, { 'ann@a.example': 'delivered', 'bob@a.example': 'deferred 4.4.2' });
  });

  it('with TLS that must be there is a deferral', async () => {
    await using hop = await scriptedHop();
    await using house = await room({ host: '127.0.0.1', port: hop.port, tls: 'encrypt' });
    assert.deepEqual(await house.send(), { 'ann@a.example': 'deferred 4.7.4' });
  });
});

describe('REQUIRETLS (RFC 8689 §4.4)', () => {
  it('is kept by a server on this machine, which has the mailbox', async () => {
    await using hop = await scriptedHop();
    await using house = await room({ host: '127.0.0.1', port: hop.port });
    const wish = { parameters: { requiretls: true } };
    assert.deepEqual(await house.send(['ann@a.example'], wish), { 'ann@a.example': 'delivered' });
    assert.ok(hop.sessions[0]?.lines.includes('MAIL FROM:<s@s.example> SIZE=31'));
  });
});
