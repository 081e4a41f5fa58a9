// Connections that are kept: what they save, and what happens when they are dead, worn or too many.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { scriptedHop } from '@posthouse/core/testing';
import { kind, relay, until } from './relay.ts';

const TRANSACTION = ['MAIL FROM:<a@a.example> SIZE=31', 'RCPT TO:<b@b.example>', 'DATA', '<message>'];

describe('a kept connection', () => {
  it('takes the next message to the same destination, without RSET or DNS', async () => {
    await using hop = await scriptedHop();
    await using house = await relay({ port: hop.port });
    await house.send();
    assert.equal(kind((await house.send())['b@b.example']), 'delivered');
    assert.deepEqual(
      hop.sessions.map(({ lines }) => lines),
      [['EHLO mx.a.example', ...TRANSACTION, ...TRANSACTION]],
    );
    assert.equal(hop.sessions[0]?.chunks.length, 5, 'a greeting, and two writes for each message');
  });

  it('says RSET first, in the same burst, after a refused transaction', async () => {
    await using hop = await scriptedHop({ RCPT: ['550 no', '250 ok'], DATA: ['503 nobody', '354 go on'] });
    await using house = await relay({ port: hop.port });
    assert.equal(kind((await house.send())['b@b.example']), 'failed 5.1.1');
    assert.equal(kind((await house.send())['b@b.example']), 'delivered');
    assert.equal(hop.sessions.length, 1);
    assert.equal(
      hop.sessions[0]?.chunks[2],
      'RSET\r\nMAIL FROM:<a@a.example> SIZE=31\r\nRCPT TO:<b@b.example>\r\nDATA\r\n',
    );
  });

  it('is closed when it has carried as many messages as the operator allows the destination', async () => {
    await using hop = await scriptedHop();
    await using house = await relay({ port: hop.port });
    const few = { messagesPerConnection: 2 };
    for (let each = 0; each < 3; each++) await house.send('b@b.example', undefined, few);
    assert.deepEqual(
      hop.sessions.map(({ lines }) => lines.filter((line) => line === 'DATA' || line === 'QUIT')),
      [['DATA', 'DATA', 'QUIT'], ['DATA']],
    );
  });

  it('does not serve another destination', async () => {
    await using hop = await scriptedHop();
    await using house = await relay({ port: hop.port });
    await house.send('b@b.example');
    await house.send('d@d.example');
    assert.equal(hop.sessions.length, 2);
  });

  it('serves all domains of a smarthost', async () => {
    await using hop = await scriptedHop();
    await using house = await relay({ smarthost: `127.0.0.1:${hop.port}` });
    await house.send('b@b.example');
    await house.send('d@d.example');
    assert.equal(hop.sessions.length, 1);
  });

  it('that was closed meanwhile is replaced, and nobody hears of it', async () => {
    await using hop = await scriptedHop();
    await using house = await relay({ port: hop.port });
    await house.send();
    hop.hangUp();
    assert.equal(kind((await house.send())['b@b.example']), 'delivered');
    assert.equal(hop.sessions.length, 2);
  });

  it('that proves dead on use is replaced', async () => {
    await using hop = await scriptedHop((connection) =>
      connection === 1 ? { MAIL: ['250 ok', 'DROP'] } : {},
    );
    await using house = await relay({ port: hop.port });
    await house.send();
    assert.equal(kind((await house.send())['b@b.example']), 'delivered');
    assert.equal(hop.sessions.length, 2);
  });

  it('whose server says 421 is replaced', async () => {
    for (const when of ['in idleness', 'on use']) {
      await using hop = await scriptedHop((connection) =>
        connection === 1 && when === 'on use' ? { MAIL: ['250 ok', '421 4.4.2 idle for too long'] } : {},
      );
      await using house = await relay({ port: hop.port });
      await house.send();
      if (when === 'in idleness') hop.say('421 4.4.2 idle for too long\r\n');
      assert.equal(kind((await house.send())['b@b.example']), 'delivered', when);
      assert.equal(hop.sessions.length, 2);
    }
  });

  it("is replaced once: the new one's trouble is an outcome", async () => {
    await using hop = await scriptedHop((connection) => ({
      MAIL: connection === 1 ? ['250 ok', 'DROP'] : 'DROP',
    }));
    await using house = await relay({ port: hop.port });
    await house.send();
    assert.equal(kind((await house.send())['b@b.example']), 'deferred 4.4.2');
    assert.equal(hop.sessions.length, 2);
  });

  it('is not used again for a message whose end of data was out', async () => {
    await using hop = await scriptedHop({ message: ['250 ok', 'DROP'] });
    await using house = await relay({ port: hop.port });
    await house.send();
    assert.equal(kind((await house.send())['b@b.example']), 'deferred 4.4.2');
    assert.equal(hop.sessions.length, 1);
  });

  it('says QUIT when nothing comes for some seconds', async () => {
    await using hop = await scriptedHop();
    await using house = await relay({ port: hop.port, idleTimeout: 5000 });
    await house.send();
    await house.clock.advance(3000);
    assert.equal(hop.sessions[0]?.lines.includes('QUIT'), false);
    await house.clock.advance(4000);
    await until(() => hop.sessions[0]?.closed === true);
    assert.equal(hop.sessions[0]?.lines.at(-1), 'QUIT');
    await house.send();
    assert.equal(hop.sessions.length, 2);
  });

  it('is closed after its share of messages', async () => {
    await using hop = await scriptedHop();
    await using house = await relay({ port: hop.port, messagesPerConnection: 2 });
    for (let message = 0; message < 5; message++) await house.send();
    assert.deepEqual(
      hop.sessions.map(({ messages }) => messages.length),
      [2, 2, 1],
    );
    await until(() => hop.sessions[1]?.lines.at(-1) === 'QUIT');
  });

  it('that does not answer QUIT is closed all the same', async () => {
    await using hop = await scriptedHop({ QUIT: 'SILENCE' });
    await using house = await relay({ port: hop.port, messagesPerConnection: 1 });
    await house.send();
    await house.clock.advance(7000);
    await until(() => hop.sessions[0]?.closed === true);
  });
});

describe('connections to one address', () => {
  it('are no more than allowed, and the next message waits its turn', async () => {
    await using hop = await scriptedHop();
    await using house = await relay({ port: hop.port, maxConnectionsPerHost: 2 });
    const sent = await Promise.all(
      ['b@b.example', 'd@d.example', 'b@b.example', 'd@d.example'].map((to) => house.send(to)),
    );
    assert.ok(
      sent.every((outcomes) => Object.values(outcomes).every((outcome) => kind(outcome) === 'delivered')),
    );
    assert.equal(most(hop.sessions.map(({ closed }) => closed)) <= 2, true);
  });

  it('make room for another destination', async () => {
    await using hop = await scriptedHop();
    await using house = await relay({ port: hop.port, maxConnectionsPerHost: 1 });
    await house.send('b@b.example');
    assert.equal(kind((await house.send('d@d.example'))['d@d.example']), 'delivered');
    assert.equal(hop.sessions[0]?.lines.at(-1), 'QUIT');
  });

  it('that are waited for in vain are given up with the attempt', async () => {
    await using hop = await scriptedHop({ keywords: [], RCPT: 'SILENCE' });
    await using house = await relay({ port: hop.port, maxConnectionsPerHost: 1 });
    const first = house.send('b@b.example');
    await until(() => (hop.sessions[0]?.lines.length ?? 0) > 2);
    const controller = new AbortController();
    const second = house.send('d@d.example', undefined, { signal: controller.signal });
    await house.clock.advance(1000);
    controller.abort();
    await house.clock.advance(1000);
    assert.equal(kind((await second)['d@d.example']), 'deferred 4.3.0');
    hop.hangUp();
    assert.equal(kind((await first)['b@b.example']), 'deferred 4.4.2');
  });
});

function most(closed: readonly boolean[]): number {
  return closed.filter((isClosed) => !isClosed).length;
}

describe('the stop', () => {
  it('says QUIT on what is kept and waits until it is closed', async () => {
    await using hop = await scriptedHop();
    const house = await relay({ port: hop.port });
    await house.send();
    await house.plugin.stop();
    await until(() => hop.sessions[0]?.closed === true);
    assert.equal(hop.sessions[0]?.lines.at(-1), 'QUIT');
  });

  it('cuts off what is busy, whose message is deferred', async () => {
    await using hop = await scriptedHop({ keywords: [], RCPT: 'SILENCE' });
    const house = await relay({ port: hop.port });
    const sent = house.send();
    await until(() => (hop.sessions[0]?.lines.length ?? 0) > 2);
    await house.plugin.stop();
    assert.match(kind((await sent)['b@b.example']), /^deferred/);
    await until(() => hop.sessions[0]?.closed === true);
  });

  it('lets no new connection begin', async () => {
    await using hop = await scriptedHop();
    const house = await relay({ port: hop.port });
    await house.plugin.stop();
    assert.match(kind((await house.send())['b@b.example']), /^deferred/);
    assert.equal(hop.sessions.length, 0);
  });
});
