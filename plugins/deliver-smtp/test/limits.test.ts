// What a next hop says of its limits (RFC 9422) is kept, and nobody is left out for it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { scriptedHop } from '@posthouse/core/testing';
import { kinds, relay, until } from './relay.ts';

const PEOPLE = ['b', 'c', 'd', 'e', 'f'].map((name) => `${name}@b.example`);
const ALL = Object.fromEntries(PEOPLE.map((address) => [address, 'delivered']));

function recipientsOf({ lines }: { readonly lines: readonly string[] }): readonly string[] {
  return lines.filter((line) => line === 'DATA' || line.startsWith('RCPT')).map((line) => line.slice(9, 10));
}

describe('LIMITS of the next hop', () => {
  it('RCPTMAX: no transaction has more recipients, and the others follow on the same connection', async () => {
    await using hop = await scriptedHop({ keywords: ['PIPELINING', 'LIMITS RCPTMAX=2'] });
    await using house = await relay({ port: hop.port });
    assert.deepEqual(kinds(await house.send(PEOPLE)), ALL);
    assert.deepEqual(hop.sessions.map(recipientsOf), [['b', 'c', '', 'd', 'e', '', 'f', '']]);
  });

  it('RCPTMAX: each transaction has outcomes of its own', async () => {
    await using hop = await scriptedHop({
      keywords: ['PIPELINING', 'LIMITS RCPTMAX=1'],
      message: ['250 ok', '554 5.7.1 not that one', '250 ok'],
    });
    await using house = await relay({ port: hop.port });
    assert.deepEqual(kinds(await house.send(PEOPLE.slice(0, 3))), {
      'b@b.example': 'delivered',
      'c@b.example': 'failed 5.7.1',
      'd@b.example': 'delivered',
    });
  });

  it('MAILMAX: no connection has more transactions, and the next one goes on to the same host', async () => {
    await using hop = await scriptedHop({ keywords: ['PIPELINING', 'LIMITS RCPTMAX=2 MAILMAX=2'] });
    await using house = await relay({ port: hop.port });
    assert.deepEqual(kinds(await house.send(PEOPLE)), ALL);
    assert.deepEqual(hop.sessions.map(recipientsOf), [
      ['b', 'c', '', 'd', 'e', ''],
      ['f', ''],
    ]);
  });

  it('MAILMAX: a connection that has carried so many is not kept', async () => {
    await using hop = await scriptedHop({ keywords: ['LIMITS MAILMAX=1'] });
    await using house = await relay({ port: hop.port });
    await house.send();
    await house.send();
    assert.equal(hop.sessions.length, 2);
  });

  it('what is malformed is no limit', async () => {
    await using hop = await scriptedHop({ keywords: ['PIPELINING', 'LIMITS RCPTMAX=0 MAILMAX=x RCPTMAX'] });
    await using house = await relay({ port: hop.port });
    assert.deepEqual(kinds(await house.send(PEOPLE)), ALL);
    assert.deepEqual(hop.sessions.map(recipientsOf), [['b', 'c', 'd', 'e', 'f', '']]);
  });
});

describe('the limits that domains share', () => {
  it('are those of their mail hosts, which the core hears of before one is asked', async () => {
    await using hop = await scriptedHop();
    await using house = await relay({ port: hop.port });
    const asked: (readonly string[])[] = [];
    const through = (hosts: readonly string[]): boolean => {
      asked.push(hosts);
      return hop.sessions.length === 0;
    };
    assert.deepEqual(kinds(await house.send('c@c.example', undefined, { through })), {
      'c@c.example': 'delivered',
    });
    assert.deepEqual(kinds(await house.send('d@d.example', undefined, { through })), {
      'd@d.example': 'deferred 4.4.5',
    });
    assert.deepEqual(asked, [['mx1.c.example', 'mx2.c.example'], ['mx.b.example']]);
    assert.equal(hop.sessions.length, 1, 'without room nobody is asked');
  });

  it('count connections that are kept: one for another domain makes room for a new one', async () => {
    for (const [connections, quits] of [
      [2, [false, false, false]],
      [1, [true, false, false]],
    ] as const) {
      await using hop = await scriptedHop();
      await using house = await relay({ port: hop.port });
      const shared = { key: 'the provider of b and d', connections };
      await house.send('b@b.example', undefined, { shared });
      // c.example has other hosts, whatever their addresses.
      await house.send('c@c.example');
      await house.send('d@d.example', undefined, { shared });
      await until(
        () => hop.sessions.filter(({ lines }) => lines.at(-1) === 'QUIT').length === 2 - connections,
      );
      assert.deepEqual(
        hop.sessions.map(({ lines }) => lines.at(-1) === 'QUIT'),
        quits,
      );
      // What has ended counts no more.
      await until(() => hop.sessions.filter(({ closed }) => closed).length === 2 - connections);
      await house.send('d@d.example', undefined, { shared });
      assert.equal(hop.sessions.length, 3);
    }
  });

  it('send nothing to the fallback, which is for hosts that cannot be reached', async () => {
    await using hop = await scriptedHop();
    await using house = await relay({ port: hop.port, fallback: '[127.0.0.1]' });
    const through = (): boolean => false;
    assert.deepEqual(kinds(await house.send('b@b.example', undefined, { through })), {
      'b@b.example': 'deferred 4.4.5',
    });
    assert.equal(hop.sessions.length, 0);
  });

  it('are none where the operator has named the host', async () => {
    await using hop = await scriptedHop();
    await using house = await relay({ smarthost: `127.0.0.1:${hop.port}` });
    const through = (): boolean => assert.fail('it is a destination of its own');
    await house.send('b@b.example', undefined, { through });
    assert.equal(hop.sessions.length, 1);
  });
});
