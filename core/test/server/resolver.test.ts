// The resolver against a DNS server on loopback that answers from a table.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { after, test } from 'node:test';
import { type Answer, decode, encode, type Packet } from 'dns-packet';
import { PosthouseError } from '../../src/contract/index.ts';
import { SystemResolver } from '../../src/server/system/resolver.ts';
import { fakeClock } from '../../src/testing/fake-clock.ts';

const NXDOMAIN = 3;
const SERVFAIL = 2;

type Lie = 'another-id' | 'another-question' | 'garbage' | 'cut-off' | 'truncated';
type Zone = Readonly<Record<string, readonly Answer[] | 'servfail' | 'silent' | Lie>>;

const many = (make: (index: number) => Answer): Answer[] =>
  Array.from({ length: 120 }, (_, index) => make(index));
const mx = (name: string, exchange: string, preference: number): Answer => ({
  type: 'MX',
  name,
  data: { exchange, preference },
});

const ZONE: Zone = {
  'MX b.example': [mx('b.example', 'MX2.b.example', 20), mx('b.example', 'mx1.B.example', 10)],
  'MX null.example': [mx('null.example', '.', 0)],
  'A plain.example': [{ type: 'A', name: 'plain.example', data: '192.0.2.2' }],
  'AAAA plain.example': [{ type: 'AAAA', name: 'plain.example', data: '2001:db8::2' }],
  'A half.example': [{ type: 'A', name: 'half.example', data: '192.0.2.3' }],
  'AAAA half.example': 'servfail',
  'MX broken.example': 'servfail',
  'A broken.example': 'servfail',
  'AAAA broken.example': 'servfail',
  'MX mute.example': 'silent',
  'A another-id.example': 'another-id',
  'A another-question.example': 'another-question',
  'A garbage.example': 'garbage',
  'A cut-off.example': 'cut-off',
  'A truncated.example': 'truncated',
  'A loop.example': [
    { type: 'CNAME', name: 'loop.example', data: 'pool.example' },
    { type: 'CNAME', name: 'pool.example', data: 'loop.example' },
  ],
  'A self.example': [{ type: 'CNAME', name: 'self.example', data: 'self.example' }],
  'TXT large.example': [{ type: 'TXT', name: 'large.example', data: Array(25).fill('x'.repeat(200)) }],
  'TXT usual.example': [{ type: 'TXT', name: 'usual.example', data: Array(10).fill('x'.repeat(200)) }],
  'A crowd.example': many((index) => ({ type: 'A', name: 'crowd.example', data: `192.0.2.${index + 1}` })),
  'TXT b.example': [
    { type: 'TXT', name: 'b.example', data: ['v=spf1 ', '-all'] },
    { type: 'TXT', name: 'b.example', data: 'other' },
  ],
  'MX xn--bcher-kva.example': [mx('xn--bcher-kva.example', 'mx.example', 10)],
  'TXT _dmarc.b.example': [{ type: 'TXT', name: '_dmarc.b.example', data: 'v=DMARC1' }],
  'PTR 1.2.0.192.in-addr.arpa': [{ type: 'PTR', name: '1.2.0.192.in-addr.arpa', data: 'Host.b.example' }],
  'PTR 1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa': [
    {
      type: 'PTR',
      name: '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa',
      data: 'six.b.example',
    },
  ],
};

const FORGED: readonly Answer[] = [{ type: 'A', name: 'forged.example', data: '192.0.2.66' }];
/** TC: the whole answer is to be had over TCP, where nobody listens. */
const TRUNCATED = 0x0200;
const LIES: { readonly [L in Lie]: (response: Packet) => Buffer } = {
  'another-id': (response) =>
    encode({ ...response, id: ((response.id ?? 0) + 1) & 0xffff, answers: [...FORGED] }),
  'another-question': (response) =>
    encode({ ...response, questions: [{ type: 'A', name: 'forged.example' }], answers: [...FORGED] }),
  garbage: () => Buffer.alloc(600, 0xff),
  'cut-off': (response) => encode({ ...response, answers: [...FORGED] }).subarray(0, 40),
  truncated: (response) => encode({ ...response, flags: TRUNCATED }),
};

const asked: string[] = [];
const server = createSocket('udp4');
server.on('message', (query, from) => {
  const { id, questions = [] } = decode(query);
  const [question] = questions;
  const key = `${question?.type} ${question?.name.toLowerCase()}`;
  asked.push(key);
  const found = ZONE[key];
  if (found === 'silent') return;
  const known = Object.keys(ZONE).some((name) => name.endsWith(` ${question?.name.toLowerCase()}`));
  const code = found === 'servfail' ? SERVFAIL : found === undefined && !known ? NXDOMAIN : 0;
  const answers = Array.isArray(found) ? (found as Answer[]) : [];
  const response = { type: 'response', id, flags: code, questions, answers } as const;
  const octets = typeof found === 'string' && found in LIES ? LIES[found as Lie](response) : encode(response);
  server.send(octets, from.port, from.address);
});
await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
after(() => server.close());

function open(clock = fakeClock()) {
  asked.length = 0;
  return new SystemResolver(
    {
      servers: [`127.0.0.1:${server.address().port}`],
      timeout: 200,
      tries: 1,
    },
    clock,
  );
}
const unavailable = (error: unknown): boolean => PosthouseError.is(error, 'dns-unavailable');

test('MX records come sorted, in small letters', async () => {
  assert.deepEqual(await open().mxRecords('B.Example.'), [
    { exchange: 'mx1.b.example', preference: 10 },
    { exchange: 'mx2.b.example', preference: 20 },
  ]);
});

test('a name without MX that has an address takes its mail itself', async () => {
  assert.deepEqual(await open().mx('plain.example'), [{ exchange: 'plain.example', preference: 0 }]);
});

test('a null MX is published as such, and means that nobody takes mail', async () => {
  assert.deepEqual(await open().mxRecords('null.example'), [{ exchange: '', preference: 0 }]);
  assert.deepEqual(await open().mx('null.example'), []);
});

test('a name that does not exist has nothing', async () => {
  assert.deepEqual(await open().mx('none.example'), []);
  assert.deepEqual(await open().txt('none.example'), []);
  assert.deepEqual(await open().addresses('none.example'), { v4: [], v6: [] });
});

test('a name without such records has nothing', async () => {
  assert.deepEqual(await open().txt('plain.example'), []);
});

test('both families of addresses are asked for', async () => {
  assert.deepEqual(await open().addresses('plain.example'), { v4: ['192.0.2.2'], v6: ['2001:db8::2'] });
});

test('the list of addresses that a DNS list answers with needs one question', async () => {
  assert.deepEqual(await open().a('plain.example'), ['192.0.2.2']);
  assert.deepEqual(
    asked.filter((question) => question.includes('plain.example')),
    ['A plain.example'],
  );
  assert.deepEqual(await open().a('none.example'), []);
});

test('one family is enough when the other cannot be had', async () => {
  assert.deepEqual(await open().addresses('half.example'), { v4: ['192.0.2.3'], v6: [] });
});

test('a failing server is "unavailable"', async () => {
  await assert.rejects(open().mx('broken.example'), unavailable);
  await assert.rejects(open().addresses('broken.example'), unavailable);
});

test('a silent server is "unavailable"', async () => {
  await assert.rejects(open().mx('mute.example'), unavailable);
});

test('a server that is not there is "unavailable"', async () => {
  const closed = createSocket('udp4');
  await new Promise<void>((resolve) => closed.bind(0, '127.0.0.1', resolve));
  const { port } = closed.address();
  await new Promise<void>((resolve) => closed.close(() => resolve()));
  const resolver = new SystemResolver(
    {
      servers: [`127.0.0.1:${port}`],
      timeout: 200,
      tries: 1,
    },
    fakeClock(),
  );
  await assert.rejects(resolver.mx('b.example'), unavailable);
});

for (const lie of Object.keys(LIES))
  test(`a server that lies (${lie}) is not believed, and holds nobody up`, async () => {
    await assert.rejects(open().a(`${lie}.example`), unavailable);
  });

for (const name of ['loop.example', 'self.example'])
  test(`aliases that lead to themselves (${name}) have no address`, async () => {
    assert.deepEqual(
      await open()
        .a(name)
        .catch(() => []),
      [],
    );
  });

test('a large answer is given, and not kept', async () => {
  const resolver = open();
  for (const name of ['large.example', 'large.example', 'usual.example', 'usual.example'])
    assert.equal((await resolver.txt(name)).length, 1);
  assert.deepEqual(asked, ['TXT large.example', 'TXT large.example', 'TXT usual.example']);
});

test('no more than a hundred records are taken', async () => {
  assert.equal((await open().addresses('crowd.example')).v4.length, 100);
});

test('the strings of one TXT record are joined', async () => {
  assert.deepEqual((await open().txt('b.example')).toSorted(), ['other', 'v=spf1 -all']);
  assert.deepEqual(await open().txt('_dmarc.b.example'), ['v=DMARC1']);
});

test('names of addresses of both families are found', async () => {
  assert.deepEqual(await open().ptr('192.0.2.1'), ['host.b.example']);
  assert.deepEqual(await open().ptr('2001:db8::1'), ['six.b.example']);
  assert.deepEqual(await open().ptr('no address'), []);
});

test('an internationalised domain is asked for in its ASCII form', async () => {
  assert.deepEqual(await open().mxRecords('bücher.example'), [{ exchange: 'mx.example', preference: 10 }]);
});

test('address literals and localhost need no DNS', async () => {
  const resolver = open();
  assert.deepEqual(await resolver.addresses('[192.0.2.7]'), { v4: ['192.0.2.7'], v6: [] });
  assert.deepEqual(await resolver.addresses('[IPv6:2001:DB8::7]'), { v4: [], v6: ['2001:db8::7'] });
  assert.deepEqual(await resolver.addresses('localhost'), { v4: ['127.0.0.1'], v6: ['::1'] });
  assert.deepEqual(await resolver.addresses('a.LOCALHOST.'), { v4: ['127.0.0.1'], v6: ['::1'] });
  assert.deepEqual(await resolver.mx('localhost'), [{ exchange: 'localhost', preference: 0 }]);
  assert.deepEqual(await resolver.mxRecords('[192.0.2.7]'), []);
  assert.deepEqual(asked, []);
});

test('names that DNS cannot hold have nothing', async () => {
  const resolver = open();
  for (const name of [
    '',
    '.',
    `${'a'.repeat(64)}.example`,
    'a'.repeat(300),
    'a..example',
    'a b.example',
    'a\0.example',
  ]) {
    assert.deepEqual(await resolver.mxRecords(name), [], JSON.stringify(name));
  }
});

test('an answer is good for a minute, an empty one for ten seconds, a failure for nothing', async () => {
  const clock = fakeClock();
  const resolver = open(clock);
  const counts = async (name: string, wait: number): Promise<number> => {
    asked.length = 0;
    await clock.advance(wait);
    await resolver.mxRecords(name).catch(() => undefined);
    return asked.length;
  };
  assert.deepEqual(
    [await counts('b.example', 0), await counts('b.example', 59_999), await counts('b.example', 2)],
    [1, 0, 1],
  );
  assert.deepEqual(
    [await counts('c.example', 0), await counts('c.example', 9_999), await counts('c.example', 2)],
    [1, 0, 1],
  );
  assert.deepEqual([await counts('broken.example', 0), await counts('broken.example', 0)], [1, 1]);
});

test('questions asked at the same time are asked once', async () => {
  const resolver = open();
  await Promise.all([
    resolver.mxRecords('b.example'),
    resolver.mxRecords('B.EXAMPLE'),
    resolver.mxRecords('b.example'),
  ]);
  assert.deepEqual(asked, ['MX b.example']);
});

test('an abort ends the waiting', async () => {
  const controller = new AbortController();
  const answer = open().mxRecords('mute.example', controller.signal);
  controller.abort(new Error('enough'));
  await assert.rejects(answer, /enough/);
  await assert.rejects(open().mxRecords('b.example', controller.signal), /enough/);
});
