// XCLIENT and XFORWARD beyond the dialogue: whose facts plugins see, who is asked again, and what limits count.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definePlugin, note, Verdict } from '../../src/index.ts';
import { deliverMemory, type HouseOptions, type OpenHouse, openHouse } from '../../src/testing/index.ts';

interface Seen {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly name: string | undefined;
  readonly by: string | undefined;
  readonly user: string | undefined;
  readonly helo: string | undefined;
  readonly protocol: string;
  readonly noted: string | undefined;
  readonly forwarded: object | undefined;
}

const visited = note<string>('watches/visited');

function watcher(seen: Seen[]) {
  return definePlugin({
    name: 'watches',
    setup: () => ({
      hooks: {
        'on-connect': ({ session, notes }) => {
          const { remoteAddress, remotePort, localAddress, proxy, user, helo, protocol, forwarded } = session;
          const said = { name: proxy?.name, by: proxy?.by, noted: notes.get(visited) };
          seen.push({ remoteAddress, remotePort, localAddress, user, helo, protocol, forwarded, ...said });
          notes.set(visited, remoteAddress);
          return remoteAddress === '198.51.100.66' ? Verdict.reject('5.7.1', 'Not you') : Verdict.continue();
        },
        'on-rcpt': ({ session }) => {
          seen.push({ ...(seen.at(-1) as Seen), forwarded: session.forwarded, user: session.user });
          return Verdict.accept();
        },
      },
    }),
  })();
}

function house(seen: Seen[], options: Partial<HouseOptions> = {}): Promise<OpenHouse> {
  return openHouse({
    listeners: [{ name: 'mx', host: '127.0.0.1', port: 0, xclient: ['192.0.2.1'] }],
    plugins: [watcher(seen), deliverMemory()],
    ...options,
  });
}

test('on-connect is asked again about the client that XCLIENT names, without the notes of the one before', async () => {
  const seen: Seen[] = [];
  await using open = await house(seen);
  await open.talk(`
    S: 220 *
    C: XCLIENT NAME=client.example ADDR=198.51.100.7 PORT=4711 DESTADDR=203.0.113.1 LOGIN=alice HELO=client PROTO=ESMTP
    S: 220 *
  `);
  assert.equal(seen[0]?.by, undefined);
  assert.deepEqual(seen[1], {
    remoteAddress: '198.51.100.7',
    remotePort: 4711,
    localAddress: '203.0.113.1',
    name: 'client.example',
    by: 'XCLIENT',
    user: 'alice',
    helo: 'client',
    protocol: 'ESMTPA',
    noted: undefined,
    forwarded: undefined,
  });
  assert.deepEqual(open.events('client-introduced'), [
    {
      session: open.events('connection-closed')[0]?.session ?? open.events('client-introduced')[0]?.session,
      by: 'XCLIENT',
      proxy: '192.0.2.1',
      remoteAddress: '198.51.100.7',
      name: 'client.example',
      helo: 'client',
    },
  ]);
});

test('a login belongs to the client that it was said of', async () => {
  const seen: Seen[] = [];
  await using open = await house(seen);
  await open.talk(`
    S: 220 *
    C: XCLIENT ADDR=198.51.100.7 LOGIN=alice
    S: 220 *
    C: XCLIENT NAME=still.example
    S: 220 *
    C: XCLIENT ADDR=198.51.100.8
    S: 220 *
    C: XCLIENT LOGIN=bob
    S: 220 *
    C: XCLIENT LOGIN=[UNAVAILABLE]
    S: 220 *
  `);
  assert.deepEqual(
    seen.map(({ user }) => user),
    [undefined, 'alice', 'alice', undefined, 'bob', undefined],
  );
});

test('a client that plugins refuse is refused in the banner’s place, and may go on no more', async () => {
  await using open = await house([]);
  await open.talk(`
    S: 220 *
    C: XCLIENT ADDR=198.51.100.66
    S: 554 5.7.1 Not you
    C: EHLO client.example
    S: 503 5.5.1 *
    C: XCLIENT ADDR=198.51.100.7
    S: 503 5.5.1 *
    C: QUIT
    S: 221 *
  `);
});

test('limits count the client by the address that XCLIENT gives it', async () => {
  await using open = await house([], { limits: { connectionsPerAddress: 1 } });
  const first = open.connect();
  let heard = '';
  first.on('data', (bytes: Buffer) => {
    heard += bytes.toString();
  });
  first.write('XCLIENT ADDR=198.51.100.7\r\n');
  await open.clock.advance(0);
  assert.match(heard, /^220 .*\r\n220 /);
  await open.talk(`
    S: 220 *
    C: XCLIENT ADDR=198.51.100.7
    S: 421 4.7.0 Too many connections from your address
    S: EOF
  `);
  first.destroy();
  await open.clock.advance(0);
  await open.talk(`
    S: 220 *
    C: XCLIENT ADDR=198.51.100.7
    S: 220 *
  `);
});

test('XFORWARD is gathered for the next transaction, and gone after it', async () => {
  const seen: Seen[] = [];
  await using open = await house(seen);
  const transaction = `
    C: MAIL FROM:<a@client.example>
    S: 250 *
    C: RCPT TO:<b@house.example>
    S: 250 *
    C: RSET
    S: 250 *
  `;
  await open.talk(`
    S: 220 *
    C: EHLO filter.example
    S: 250-*
    S: 250 *
    C: XFORWARD NAME=client.example ADDR=198.51.100.7
    S: 250 *
    C: XFORWARD IDENT=4711 SOURCE=LOCAL HELO=[UNAVAILABLE]
    S: 250 *
    ${transaction}
    ${transaction}
  `);
  assert.deepEqual(seen.at(-2)?.forwarded, {
    name: 'client.example',
    address: '198.51.100.7',
    ident: '4711',
    source: 'LOCAL',
    helo: null,
  });
  assert.equal(seen.at(-1)?.forwarded, undefined);
  assert.equal(seen.at(-1)?.remoteAddress, '192.0.2.1');
});

test('where nobody may use them they are not known', async () => {
  await using open = await house([], { listeners: [{ name: 'mx', host: '127.0.0.1', port: 0 }] });
  await open.talk(`
    S: 220 *
    C: XCLIENT ADDR=198.51.100.7
    S: 500 5.5.1 *
    C: XFORWARD ADDR=198.51.100.7
    S: 500 5.5.1 *
  `);
});
