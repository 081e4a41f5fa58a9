// Kinds of trouble, each as a house meets it, and the sentence that `posthouse why` has for it.

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { definePlugin, type Hooks, Outcome, Verdict } from '@posthouse/core';
import { deliverMemory, type HouseOptions, scriptedHop } from '@posthouse/core/testing';
import { accepts, mail, posthouse, type TracedHouse, toHop, tracedHouse } from './traced-house.ts';

const MAIL = ['C: MAIL FROM:<ann@client.example>', 'S: 250 *'];

function subject(hooks: Hooks) {
  return definePlugin({ name: 'subject', setup: () => ({ hooks }) })();
}

interface Trouble {
  readonly what: string;
  readonly plugins: () => HouseOptions['plugins'] | Promise<HouseOptions['plugins']>;
  readonly options?: Partial<HouseOptions>;
  readonly happens: (house: TracedHouse) => Promise<void>;
  /** Default: the recipient's address. */
  readonly word?: string;
  readonly sentence: RegExp;
}

const BOB = 'bob@far.example';
const sendsToBob = ({ send }: TracedHouse) => send(...mail(BOB));

/** A port on which nobody listens. */
async function deadPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const troubles: readonly Trouble[] = [
  {
    what: 'no plugin accepts the recipient',
    plugins: () => [accepts()],
    happens: ({ send }) => send(...MAIL, 'C: RCPT TO:<bob@stranger.example>', 'S: 550 5.7.1 *'),
    word: 'bob@stranger.example',
    sentence:
      /No plugin accepts mail for <bob@stranger\.example>, so it was refused with 5\.7\.1 .*: a closed house relays nothing\. An accept-\* plugin must know the domain, or trust the client\./,
  },
  {
    what: 'a plugin refuses, with its reason',
    plugins: () => [
      subject({ 'on-rcpt': () => Verdict.reject('5.7.1', 'You are on a list', { reason: 'dnsbl.zen' }) }),
      accepts(),
    ],
    happens: ({ send }) => send(...MAIL, `C: RCPT TO:<${BOB}>`, 'S: 550 *'),
    word: '192.0.2.1',
    sentence:
      /subject refused mail for <bob@far\.example> at RCPT: 5\.7\.1 You are on a list \[dnsbl\.zen\]\./,
  },
  {
    what: 'a connection is refused before it says a word',
    plugins: () => [
      subject({ 'on-connect': () => Verdict.reject('5.7.1', 'Not you', { reason: 'access.no' }) }),
    ],
    happens: async ({ house }) => {
      await house.talk('S: 554 *');
    },
    word: '192.0.2.1',
    sentence: /subject refused the client at the connection: 5\.7\.1 Not you \[access\.no\]\./,
  },
  {
    what: 'a plugin in mode observe would have refused',
    plugins: () => [
      {
        use: subject({ 'on-data': () => Verdict.reject('5.7.1', 'Spam', { reason: 'spam.high' }) }),
        mode: 'observe',
      },
      accepts(),
      deliverMemory(),
    ],
    happens: sendsToBob,
    sentence:
      /subject would have refused mail from <ann@client\.example> at the end of the message: 5\.7\.1 Spam \[spam\.high\]; it only observes \(mode: observe\)\.\n.*It was delivered for <bob@far\.example> after 1 attempt/,
  },
  {
    what: 'the message is too large',
    plugins: () => [accepts()],
    options: { limits: { messageSize: 50 } },
    happens: ({ send }) => send(...mail(BOB).slice(0, -3), `C: ${'x'.repeat(100)}`, 'C: .', 'S: 552 5.3.4 *'),
    sentence: /The server refused a command of the client with 552 5\.3\.4 .*\./,
  },
  {
    what: 'the next hop greylists',
    plugins: async () => {
      const hop = await scriptedHop({ RCPT: '450 4.2.0 Greylisted, come back later' });
      hops.push(hop);
      return [accepts(), toHop(hop.port)];
    },
    happens: async (house) => {
      await sendsToBob(house);
      await house.attempts(1);
    },
    sentence:
      /It waits for <bob@far\.example> after 1 attempt: 4\.2\.0 hop\.example said: 450 4\.2\.0 Greylisted, come back later\. The next hop wants to see another try \(greylisted\)\. The next attempt is due at 2026-01-05 12:01:\d\d UTC\./,
  },
  {
    what: 'the next hop is dead',
    plugins: async () => [accepts(), toHop(await deadPort())],
    happens: async (house) => {
      await sendsToBob(house);
      await house.attempts(1);
    },
    sentence:
      /It waits for <bob@far\.example> after 1 attempt: 4\.4\.1 no service at hop\.example\[127\.0\.0\.1\]:\d+: connect ECONNREFUSED .*\n\n[\s\S]*hop\.example\[127\.0\.0\.1\]:\d+: no connection after \d+ ms: connect ECONNREFUSED/,
  },
  {
    what: 'TLS cannot be had where it must be',
    plugins: async () => {
      const hop = await scriptedHop();
      hops.push(hop);
      return [accepts(), toHop(hop.port, 'encrypt')];
    },
    happens: async (house) => {
      await sendsToBob(house);
      await house.attempts(1);
    },
    sentence:
      /It waits for <bob@far\.example> after 1 attempt: 4\.7\.4 TLS is required by us: .*STARTTLS is not offered/,
  },
  {
    what: 'the next hop does not know the mailbox',
    plugins: async () => {
      const hop = await scriptedHop({ RCPT: '550 5.1.1 No such person' });
      hops.push(hop);
      return [accepts(), toHop(hop.port)];
    },
    happens: async (house) => {
      await sendsToBob(house);
      await house.attempts(1);
      await house.house.clock.advance(1000);
    },
    sentence:
      /It failed for good for <bob@far\.example> after 1 attempt: 5\.1\.1 hop\.example said: 550 5\.1\.1 No such person\. The address does not exist \(no-mailbox\)\. <ann@client\.example> was told \(\w+\)\.\n\n[\s\S]*in clear, \d+ ms: RCPT "550 5\.1\.1 No such person"/,
  },
  {
    what: 'the message is held',
    plugins: () => [
      subject({ 'on-data': () => Verdict.quarantine('looks odd') }),
      accepts(),
      deliverMemory(),
    ],
    happens: sendsToBob,
    sentence:
      /The message was quarantined by subject: looks odd\. What is held waits for you: posthouse queue release (\w+), or posthouse queue drop \1\. When its time is over/,
  },
  {
    what: 'the time is up',
    plugins: () => [
      accepts(),
      subject({
        'on-deliver': {
          claim: ({ domain }) => domain,
          deliver: () => Outcome.deferred('4.2.2', 'Mailbox full'),
        },
      }),
    ],
    options: { delivery: { retryAfter: ['1m'], expireAfter: '90s' } },
    happens: async (house) => {
      await sendsToBob(house);
      await house.house.clock.advance(200_000);
    },
    sentence:
      /It was given up for <bob@far\.example> after \d attempts, since its time was up; the last problem was: 4\.2\.2 Mailbox full\. The mailbox is full \(quota\)\. <ann@client\.example> was told/,
  },
  {
    what: 'a plugin throws the message away',
    plugins: () => [subject({ 'on-data': () => Verdict.discard('known spam') }), accepts()],
    happens: sendsToBob,
    sentence:
      /subject had the message for <bob@far\.example> thrown away, and the client was told 250: known spam\./,
  },
  {
    what: 'a plugin fails',
    plugins: () => [
      subject({
        'on-mail-from': () => {
          throw new Error('no database');
        },
      }),
      accepts(),
    ],
    happens: ({ send }) => send('C: MAIL FROM:<ann@client.example>', 'S: 451 4.3.0 *'),
    word: '192.0.2.1',
    sentence: /subject failed at MAIL: it threw an error \(no database\)\. The client was told 451/,
  },
  {
    what: 'the client leaves without a message',
    plugins: () => [accepts()],
    happens: ({ send }) => send('C: QUIT', 'S: 221 *'),
    word: '192.0.2.1',
    sentence: /No message came: /,
  },
];

const hops: AsyncDisposable[] = [];

for (const { what, plugins, options, happens, word = BOB, sentence } of troubles) {
  test(`why: ${what}`, async () => {
    await using house = await tracedHouse(await plugins(), options);
    try {
      await happens(house);
      const { code, out, said } = await house.why(word);
      assert.equal(code, 0, said);
      assert.match(out, sentence);
    } finally {
      for (const hop of hops.splice(0)) await hop[Symbol.asyncDispose]();
    }
  });
}

test('a message is found by its id, its items, its addresses and its client, and only its own story is told', async () => {
  const transport = deliverMemory();
  await using house = await tracedHouse([accepts(), transport]);
  await house.send(
    ...mail('one@far.example'),
    ...mail('two@far.example'),
    'C: MAIL FROM:<ann@client.example>',
    'S: 250 *',
    'C: RCPT TO:<three@stranger.example>',
    'S: 550 *',
  );
  await transport.delivered(2);
  await house.attempts(2);
  const [first] = house.house.events('message-queued');
  const [settled] = house.house.events('recipient-settled');
  for (const word of [first?.message ?? '', settled?.item ?? '', 'ONE@far.example', '<one@far.example>']) {
    const { out, said } = await house.why(word);
    assert.match(
      out,
      /^Message \w+, 2026-01-05 12:00:00 UTC\n {2}It was delivered for <one@far\.example> after 1 attempt/,
      said,
    );
    assert.doesNotMatch(out, /two@|three@/);
    assert.equal(out.match(/^(Message|Connection) /gm)?.length, 1);
  }
  const all = await house.why('192.0.2.1');
  assert.equal(all.out.match(/^(Message|Connection) /gm)?.length, 3);
  assert.match(all.out, /three@stranger\.example/);
  const one = await house.why('192.0.2.1', '--limit', '1');
  assert.equal(one.out.match(/^(Message|Connection) /gm)?.length, 1);
});

test('--json gives the stories as they are kept, and unknown words say so', async () => {
  await using house = await tracedHouse([accepts(), deliverMemory()]);
  await sendsToBob(house);
  const { out } = await house.why(BOB, '--json');
  const { stories } = JSON.parse(out) as { stories: { message: string; events: { name: string }[] }[] };
  assert.equal(stories.length, 1);
  assert.equal(stories[0]?.events[0]?.name, 'connection-opened');
  const nothing = await house.why('nobody@nowhere.example');
  assert.equal(nothing.code, 1);
  assert.match(nothing.said, /The trace knows nothing of nobody@nowhere\.example/);
});

test('what came from outside cannot command the terminal', async () => {
  const hop = await scriptedHop({ RCPT: '550 5.1.1 \u001b[31mred\u0007' });
  hops.push(hop);
  await using house = await tracedHouse([accepts(), toHop(hop.port)]);
  await sendsToBob(house);
  await house.attempts(1);
  const { out } = await house.why(BOB);
  for (const hop of hops.splice(0)) await hop[Symbol.asyncDispose]();
  assert.doesNotMatch(out.replaceAll('\n', ''), /\p{Cc}/u);
  assert.match(out, /red/);
});

test('without a trace the command says what is missing', async () => {
  const { code, said } = await posthouse('why');
  assert.equal(code, 2);
  assert.match(said, /takes one id, mail address or IP address/);
});
