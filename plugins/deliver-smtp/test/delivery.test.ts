// Whole deliveries to scripted next hops: outcomes, and the exact octets that arrived.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Script, scriptedHop } from '@posthouse/core/testing';
import { kind, kinds, MESSAGE, relay, until } from './relay.ts';

const BURST = 'MAIL FROM:<a@a.example> SIZE=31\r\nRCPT TO:<b@b.example>\r\nDATA\r\n';
const ON_WIRE = 'Subject: hello\r\n\r\nHello\r\n..dot\r\n.\r\n';

describe('a delivery', () => {
  it('says each burst in one write, and the message in another', async () => {
    await using hop = await scriptedHop();
    await using house = await relay({ port: hop.port });
    const outcomes = await house.send();
    assert.deepEqual(outcomes['b@b.example'], {
      kind: 'delivered',
      text: '250 2.0.0 taken',
      relayed: 'with-dsn',
    });
    assert.deepEqual(hop.sessions[0]?.chunks, ['EHLO mx.a.example\r\n', BURST, ON_WIRE]);
  });

  it('goes command by command without PIPELINING', async () => {
    await using hop = await scriptedHop({ keywords: [] });
    await using house = await relay({ port: hop.port, helo: 'relay.a.example' });
    assert.deepEqual(kinds(await house.send(['b@b.example', 'c@b.example'])), {
      'b@b.example': 'delivered',
      'c@b.example': 'delivered',
    });
    assert.deepEqual(hop.sessions[0]?.chunks, [
      'EHLO relay.a.example\r\n',
      'MAIL FROM:<a@a.example>\r\n',
      'RCPT TO:<b@b.example>\r\n',
      'RCPT TO:<c@b.example>\r\n',
      'DATA\r\n',
      ON_WIRE,
    ]);
  });

  describe('where CHUNKING is offered', () => {
    const keywords = ['PIPELINING', 'SIZE', 'CHUNKING'];
    const CHUNK = 'BDAT 31 LAST\r\nSubject: hello\r\n\r\nHello\r\n.dot\r\n';

    it('goes as one chunk, its dots as they are, in one write with its command', async () => {
      await using hop = await scriptedHop({ keywords });
      await using house = await relay({ port: hop.port });
      assert.equal(kind((await house.send())['b@b.example']), 'delivered');
      assert.deepEqual(hop.sessions[0]?.chunks.slice(1), [BURST.replace('DATA\r\n', ''), CHUNK]);
    });

    it('is no other from the store, with the line end that its last line lacks', async () => {
      for (const inMemory of [true, false]) {
        await using hop = await scriptedHop({ keywords });
        await using house = await relay({ port: hop.port });
        await house.send('b@b.example', `${MESSAGE}.end`, { inMemory });
        assert.deepEqual(hop.sessions[0]?.messages, [`${MESSAGE}.end\r\n`]);
        assert.ok(hop.sessions[0]?.lines.includes('BDAT 37 LAST'));
      }
    });

    it('goes by DATA all the same with `chunking: false`', async () => {
      await using hop = await scriptedHop({ keywords });
      await using house = await relay({ port: hop.port, chunking: false });
      await house.send();
      assert.deepEqual(hop.sessions[0]?.messages, [ON_WIRE]);
    });

    it('is no chunk when everybody is refused, and the next one begins with RSET', async () => {
      await using hop = await scriptedHop({ keywords, RCPT: ['550 5.1.1 no', '250 ok'] });
      await using house = await relay({ port: hop.port });
      assert.equal(kind((await house.send())['b@b.example']), 'failed 5.1.1');
      assert.equal(kind((await house.send())['b@b.example']), 'delivered');
      assert.deepEqual(
        hop.sessions[0]?.lines.map((line) => line.split(' ')[0]),
        ['EHLO', 'MAIL', 'RCPT', 'RSET', 'MAIL', 'RCPT', 'BDAT'],
      );
    });

    it('goes by DATA over another connection, then and later, where BDAT is not known after all', async () => {
      await using hop = await scriptedHop({ keywords, BDAT: '502 5.5.1 what?' });
      await using house = await relay({ port: hop.port, messagesPerConnection: 1 });
      assert.equal(kind((await house.send())['b@b.example']), 'delivered');
      assert.equal(kind((await house.send())['b@b.example']), 'delivered');
      assert.deepEqual(
        hop.sessions.map(({ lines }) => lines.filter((line) => /^(BDAT|DATA)/.test(line))),
        [['BDAT 31 LAST'], ['DATA'], ['DATA']],
      );
    });

    it('is refused by any other reply to the chunk, which is final', async () => {
      await using hop = await scriptedHop({ keywords, BDAT: '554 5.7.1 spam' });
      await using house = await relay({ port: hop.port });
      assert.equal(kind((await house.send())['b@b.example']), 'failed 5.7.1');
      assert.equal(hop.sessions.length, 1);
    });
  });

  it('speaks to a host that knows only HELO', async () => {
    await using hop = await scriptedHop({ EHLO: '500 what?' });
    await using house = await relay({ port: hop.port });
    assert.equal(kind((await house.send())['b@b.example']), 'delivered');
    assert.deepEqual(hop.sessions[0]?.lines.slice(0, 3), [
      'EHLO mx.a.example',
      'HELO mx.a.example',
      'MAIL FROM:<a@a.example>',
    ]);
  });

  it('streams a message that is not in memory, octet for octet', async () => {
    await using hop = await scriptedHop();
    await using house = await relay({ port: hop.port });
    const line = `${'x'.repeat(70)}\r\n`;
    const message = `Subject: big\r\n\r\n${line.repeat(12_000)}.\r\n`;
    assert.equal(
      kind((await house.send('b@b.example', message, { inMemory: false }))['b@b.example']),
      'delivered',
    );
    assert.equal(hop.sessions[0]?.messages[0], `Subject: big\r\n\r\n${line.repeat(12_000)}..\r\n.\r\n`);
  });

  it('sends a message in memory whatever its size', async () => {
    await using hop = await scriptedHop();
    await using house = await relay({ port: hop.port });
    const message = `Subject: big\r\n\r\n${`${'x'.repeat(70)}\r\n`.repeat(12_000)}`;
    assert.equal(kind((await house.send('b@b.example', message))['b@b.example']), 'delivered');
    assert.equal(hop.sessions[0]?.messages[0], `${message}.\r\n`);
  });

  for (const inMemory of [true, false]) {
    it(`never sends a bare LF or CR (${inMemory ? 'in memory' : 'from the store'})`, async () => {
      await using hop = await scriptedHop();
      await using house = await relay({ port: hop.port });
      for (const body of ['a\n.\nMAIL FROM:<x@y>\r\n', 'a\r.\r\n', 'a\r\n.\n', 'a\r']) {
        const outcomes = await house.send('b@b.example', `Subject: x\r\n\r\n${body}`, { inMemory });
        assert.equal(kind(outcomes['b@b.example']), 'failed 5.6.0');
      }
      assert.equal(hop.sessions.length, 0);
    });

    it(`says 8BITMIME of eight bits, and fails them where it is not offered (${inMemory ? 'in memory' : 'from the store'})`, async () => {
      await using eight = await scriptedHop();
      await using house = await relay({ port: eight.port });
      const message = 'Subject: x\r\n\r\né\r\n';
      assert.equal(
        kind((await house.send('b@b.example', message, { inMemory }))['b@b.example']),
        'delivered',
      );
      assert.match(eight.sessions[0]?.lines[1] ?? '', /BODY=8BITMIME$/);
      await using seven = await scriptedHop({ keywords: ['PIPELINING'] });
      await using strict = await relay({ port: seven.port });
      assert.equal(
        kind((await strict.send('b@b.example', message, { inMemory }))['b@b.example']),
        'failed 5.6.3',
      );
      assert.equal(
        kind((await strict.send('b@b.example', MESSAGE, { inMemory }))['b@b.example']),
        'delivered',
      );
      assert.equal(seven.sessions.length, 1, 'a local refusal costs no connection');
    });
  }

  it('fails a message that is bigger than the hop takes, without sending it', async () => {
    await using hop = await scriptedHop({ keywords: ['PIPELINING', 'SIZE 30'] });
    await using house = await relay({ port: hop.port });
    assert.equal(kind((await house.send())['b@b.example']), 'failed 5.3.4');
    assert.deepEqual(hop.sessions[0]?.lines, ['EHLO mx.a.example']);
  });

  it('fails an address that needs SMTPUTF8 where it is not offered', async () => {
    await using hop = await scriptedHop({ keywords: [] });
    await using house = await relay({ port: hop.port });
    assert.equal(kind((await house.send('é@b.example'))['é@b.example']), 'failed 5.6.7');
  });
});

describe('refusals', () => {
  const rows: [string, Script, string, string?][] = [
    ['550 to MAIL', { MAIL: '550 5.7.1 not you' }, 'failed 5.7.1'],
    ['450 to MAIL', { MAIL: '450 later' }, 'deferred 4.0.0'],
    ['550 to RCPT', { RCPT: '550 no such user' }, 'failed 5.1.1'],
    ['550 to RCPT with a status of its own', { RCPT: '550 5.2.1 disabled' }, 'failed 5.2.1'],
    ['450 to RCPT', { RCPT: '450 4.2.0 greylisted' }, 'deferred 4.2.0'],
    ['452 to DATA', { DATA: '452 full' }, 'deferred 4.3.1'],
    ['554 to DATA', { DATA: '554 5.7.1 no' }, 'failed 5.7.1'],
    ['554 to the message', { message: '554 5.6.0 spam' }, 'failed 5.6.0'],
    ['451 to the message', { message: '451 later' }, 'deferred 4.3.0'],
    ['421 to the message', { message: '421 4.3.0 going down' }, 'deferred 4.3.0'],
    ['552 in the middle of the message', { early: '552 5.3.4 too big' }, 'failed 5.3.4'],
    ['421 to RCPT', { RCPT: '421 4.7.0 too many' }, 'deferred 4.7.0'],
    ['421 as a greeting', { greeting: '421 4.3.2 busy' }, 'deferred 4.3.2'],
    ['554 as a greeting', { greeting: '554 5.7.1 not you' }, 'deferred 4.3.2'],
    ['521 as a greeting', { greeting: '521 no mail here' }, 'failed 5.3.2'],
    ['garbage as a greeting', { greeting: 'HTTP/1.1 400 Bad Request' }, 'deferred 4.4.1'],
    ['a refused EHLO and HELO', { EHLO: '550 no', HELO: '550 no' }, 'deferred 4.3.2'],
    ['a connection lost at once', { greeting: 'DROP' }, 'deferred 4.4.1'],
    ['a connection lost at EHLO', { EHLO: 'DROP' }, 'deferred 4.4.1'],
    ['a connection lost at MAIL', { MAIL: 'DROP' }, 'deferred 4.4.2'],
    ['a connection lost at RCPT', { RCPT: 'DROP' }, 'deferred 4.4.2'],
    ['a connection lost at DATA', { DATA: 'DROP' }, 'deferred 4.4.2'],
    ['a connection lost in the message', { early: 'DROP' }, 'deferred 4.4.2'],
    ['a connection lost after the message', { message: 'DROP' }, 'deferred 4.4.2'],
    ['354 to MAIL', { MAIL: '354 go on' }, 'deferred 4.4.2'],
    ['250 to DATA', { DATA: '250 go on' }, 'deferred 4.4.2'],
  ];
  for (const pipelining of [true, false]) {
    for (const [name, script, expected] of rows) {
      it(`${name} means ${expected} ${pipelining ? 'with' : 'without'} PIPELINING`, async () => {
        await using hop = await scriptedHop(pipelining ? script : { keywords: [], ...script });
        await using house = await relay({ port: hop.port });
        assert.equal(kind((await house.send())['b@b.example']), expected);
      });
    }
  }

  it('keep the words of the next hop', async () => {
    await using hop = await scriptedHop({ RCPT: '550-5.1.1 no such user\r\n550 5.1.1 ask the postmaster' });
    await using house = await relay({ port: hop.port });
    assert.deepEqual((await house.send())['b@b.example'], {
      kind: 'failed',
      status: '5.1.1',
      text: 'mx.b.example said: 550 5.1.1 no such user ask the postmaster',
      remote: { host: 'mx.b.example', reply: '550 5.1.1 no such user ask the postmaster' },
    });
  });

  it('of some recipients leave the others theirs', async () => {
    const RCPT = (line: string) =>
      line.includes('<x@') ? '550 5.1.1 no' : line.includes('<y@') ? '450 4.2.0 later' : '250 ok';
    await using hop = await scriptedHop({ RCPT });
    await using house = await relay({ port: hop.port });
    assert.deepEqual(kinds(await house.send(['x@b.example', 'b@b.example', 'y@b.example', 'c@b.example'])), {
      'x@b.example': 'failed 5.1.1',
      'b@b.example': 'delivered',
      'y@b.example': 'deferred 4.2.0',
      'c@b.example': 'delivered',
    });
    assert.equal(hop.sessions[0]?.messages.length, 1);
  });

  it('of all recipients are no message, though DATA was accepted', async () => {
    await using hop = await scriptedHop({ RCPT: '550 no', message: '554 5.5.1 no valid recipients' });
    await using house = await relay({ port: hop.port });
    assert.equal(kind((await house.send())['b@b.example']), 'failed 5.1.1');
    assert.deepEqual(hop.sessions[0]?.messages, ['.\r\n']);
  });
});

describe('the hosts of a domain', () => {
  it('are tried in turn until one takes the message', async () => {
    const bad: Script[] = [
      { greeting: '421 busy' },
      { greeting: '554 no' },
      { greeting: 'DROP' },
      { MAIL: 'DROP' },
      { RCPT: '421 bye' },
    ];
    for (const script of bad) {
      await using first = await scriptedHop(script);
      await using second = await scriptedHop({}, { address: '127.0.0.2', port: first.port });
      await using house = await relay({ port: first.port });
      assert.equal(
        kind((await house.send('c@c.example'))['c@c.example']),
        'delivered',
        JSON.stringify(script),
      );
      assert.equal(first.sessions.length, 1);
      assert.equal(second.sessions[0]?.messages.length, 1);
    }
  });

  it('are passed over when nobody listens', async () => {
    await using second = await scriptedHop({}, { address: '127.0.0.2' });
    await using house = await relay({ port: second.port });
    assert.equal(kind((await house.send('c@c.example'))['c@c.example']), 'delivered');
  });

  it('are not tried after a final answer, nor when the end of data was out', async () => {
    for (const [script, expected] of [
      [{ RCPT: '550 no' }, 'failed 5.1.1'],
      [{ RCPT: '450 no' }, 'deferred 4.2.0'],
      [{ message: 'DROP' }, 'deferred 4.4.2'],
    ] as const) {
      await using first = await scriptedHop(script);
      await using second = await scriptedHop({}, { address: '127.0.0.2', port: first.port });
      await using house = await relay({ port: first.port });
      assert.equal(kind((await house.send('c@c.example'))['c@c.example']), expected);
      assert.equal(second.sessions.length, 0);
    }
  });

  it('are asked only for the recipients that the first left open', async () => {
    await using first = await scriptedHop({ RCPT: ['550 no', '421 bye'] });
    await using second = await scriptedHop({}, { address: '127.0.0.2', port: first.port });
    await using house = await relay({ port: first.port });
    assert.deepEqual(kinds(await house.send(['x@c.example', 'c@c.example'])), {
      'x@c.example': 'failed 5.1.1',
      'c@c.example': 'delivered',
    });
    assert.deepEqual(
      second.sessions[0]?.lines.filter((line) => line.startsWith('RCPT')),
      ['RCPT TO:<c@c.example>'],
    );
  });

  it('cannot be reached: the destination waits', async () => {
    const hop = await scriptedHop();
    await hop[Symbol.asyncDispose]();
    await using house = await relay({ port: hop.port });
    const outcome = (await house.send('c@c.example'))['c@c.example'];
    assert.equal(kind(outcome), 'deferred 4.4.1');
    assert.equal(outcome?.kind === 'deferred' && outcome.scope, 'destination');
  });

  it('that are ourselves end the list', async () => {
    await using first = await scriptedHop();
    await using house = await relay({ port: first.port }, { isSelf: (host) => host === 'mx1.c.example' });
    assert.equal(kind((await house.send('c@c.example'))['c@c.example']), 'failed 5.4.6');
    assert.equal(first.sessions.length, 0);
  });

  it('do not exist: the outcome says why', async () => {
    await using house = await relay();
    assert.equal(kind((await house.send('x@null.example'))['x@null.example']), 'failed 5.1.10');
    assert.equal(kind((await house.send('x@nowhere.example'))['x@nowhere.example']), 'failed 5.1.2');
    assert.equal(kind((await house.send('x@gone.example'))['x@gone.example']), 'deferred 4.4.3');
  });
});

describe('slow next hops', () => {
  const rows: [string, Script, number][] = [
    ['the greeting', { greeting: 'SILENCE' }, 300_000],
    ['the reply to EHLO', { EHLO: 'SILENCE' }, 300_000],
    ['the reply to MAIL', { keywords: [], MAIL: 'SILENCE' }, 300_000],
    ['the reply to RCPT', { keywords: [], RCPT: 'SILENCE' }, 300_000],
    ['the reply to DATA', { DATA: 'SILENCE' }, 120_000],
    ['the reply to the message', { message: 'SILENCE' }, 600_000],
  ];
  for (const [name, script, patience] of rows) {
    it(`are given ${patience / 60_000} minutes for ${name}`, async () => {
      await using hop = await scriptedHop(script);
      await using house = await relay({ port: hop.port });
      let outcome = 'waiting';
      const sent = house.send().then((outcomes) => {
        outcome = kind(outcomes['b@b.example']);
      });
      const awaited = Object.keys(script).at(-1);
      await until(() => said(hop.sessions[0]?.lines ?? [], awaited as string, hop.sessions.length));
      await house.clock.advance(patience - 2000);
      assert.equal(outcome, 'waiting');
      await house.clock.advance(4000);
      await sent;
      assert.match(outcome, /^deferred 4\.4\.[12]$/);
      await until(() => hop.sessions[0]?.closed === true);
    });
  }

  it('that stop reading are given three minutes for a block, and never the end of the message', async () => {
    await using hop = await scriptedHop({ keywords: ['PIPELINING'], stopsReading: true });
    await using house = await relay({ port: hop.port });
    let outcome = 'waiting';
    // More than the buffers between two sockets hold.
    const message = `Subject: x\r\n\r\n${`${'x'.repeat(998)}\r\n`.repeat(20_000)}`;
    const sent = house.send('b@b.example', message, { inMemory: false }).then((outcomes) => {
      outcome = kind(outcomes['b@b.example']);
    });
    await until(() => hop.sessions[0]?.lines.includes('DATA') === true);
    await house.clock.advance(170_000);
    assert.equal(outcome, 'waiting');
    await house.clock.advance(20_000);
    await sent;
    assert.equal(outcome, 'deferred 4.4.2');
    assert.equal(hop.sessions[0]?.messages.length, 0);
  });
});

function said(lines: readonly string[], awaited: string, sessions: number): boolean {
  if (awaited === 'greeting') return sessions > 0;
  return lines.some((line) => line.startsWith(awaited === 'message' ? '<message>' : awaited));
}

describe('an abort', () => {
  it('ends an attempt within a second or two, and leaves nothing open', async () => {
    await using hop = await scriptedHop({ keywords: [], RCPT: 'SILENCE' });
    await using house = await relay({ port: hop.port });
    const controller = new AbortController();
    const sent = house.send('b@b.example', MESSAGE, { signal: controller.signal });
    await until(() => (hop.sessions[0]?.lines.length ?? 0) > 2);
    controller.abort();
    await house.clock.advance(1000);
    assert.equal(kind((await sent)['b@b.example']), 'deferred 4.4.2');
    await until(() => hop.sessions[0]?.closed === true);
  });
});
