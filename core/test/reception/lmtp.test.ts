// LMTP in a whole house (RFC 2033 §4.2): each recipient hears what became of the message for itself.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  definePlugin,
  type MessageDraft,
  PosthouseError,
  QueueStore,
  type RecipientVerdict,
  Verdict,
} from '../../src/index.ts';
import { MemoryStore } from '../../src/intake/index.ts';
import { authMemory, deliverMemory, type HouseOptions, openHouse } from '../../src/testing/index.ts';
import { CertificateFolder, dial } from './sockets.ts';

const OF: Readonly<Record<string, RecipientVerdict>> = {
  rejected: Verdict.reject('5.2.2', 'Mailbox full'),
  deferred: Verdict.defer('4.2.1', 'Mailbox busy'),
  discarded: Verdict.discard('unwanted'),
  quarantined: Verdict.quarantine('odd'),
};

const judge = definePlugin({
  name: 'judge',
  setup: () => ({
    hooks: {
      'on-rcpt': () => Verdict.accept(),
      'on-data': ({ recipients, sender }) =>
        sender?.local === 'spammer'
          ? Verdict.reject('5.7.1', 'Spam')
          : Verdict.perRecipient(
              new Map(
                recipients.flatMap((recipient) => {
                  const verdict = OF[recipient.local];
                  return verdict === undefined ? [] : [[recipient, verdict] as const];
                }),
              ),
            ),
    },
  }),
});

const lmtp = (plugins: HouseOptions['plugins']) =>
  openHouse({ plugins, listeners: [{ name: 'mx', host: '127.0.0.1', port: 0, protocol: 'lmtp' }] });

function dialogue(sender: string, recipients: readonly string[], replies: readonly string[]): string {
  return [
    'S: 220 *',
    'C: LHLO client.example',
    'S: 250-*',
    'S: 250 *',
    `C: MAIL FROM:<${sender}@client.example>`,
    'S: 250 *',
    ...recipients.flatMap((local) => [`C: RCPT TO:<${local}@x.example>`, 'S: 250 *']),
    'C: DATA',
    'S: 354 *',
    'C: Subject: x',
    'C:',
    'C: Hello',
    'C: .',
    ...replies.map((reply) => `S: ${reply}`),
    'C: QUIT',
    'S: 221 *',
    'S: EOF',
  ].join('\n');
}

test('each recipient has the reply of its own verdict, and only the accepted ones get the message', async () => {
  const transport = deliverMemory();
  await using house = await lmtp([judge(), transport]);
  await house.talk(
    dialogue(
      'ann',
      ['rejected', 'bea', 'deferred', 'discarded', 'quarantined', 'cyd'],
      [
        '550 5.2.2 Mailbox full',
        '250 2.0.0 Queued *',
        '450 4.2.1 Mailbox busy',
        '250 2.0.0 Queued *',
        '250 2.0.0 Queued *',
        '250 2.0.0 Queued *',
      ],
    ),
  );
  const [message, ...more] = await transport.delivered(1);
  assert.match(message?.content ?? '', /by \S+ with LMTP id /);
  assert.deepEqual(more, []);
  assert.deepEqual(
    house.events('message-queued').map(({ held }) => held),
    [true],
  );
  assert.equal(house.events('message-discarded').length, 1);
});

test('where every recipient is refused, nothing is queued and no message counts', async () => {
  await using house = await lmtp([judge(), deliverMemory()]);
  await house.talk(dialogue('ann', ['rejected', 'deferred'], ['550 5.2.2 *', '450 4.2.1 *']));
  assert.deepEqual(house.events('message-queued'), []);
  assert.deepEqual(
    house.events('connection-closed').map(({ messages }) => messages),
    [0],
  );
});

test('a veto of the whole message is said to each recipient', async () => {
  await using house = await lmtp([judge(), deliverMemory()]);
  await house.talk(dialogue('spammer', ['bea', 'rejected'], ['550 5.7.1 Spam', '550 5.7.1 Spam']));
  assert.deepEqual(house.events('message-queued'), []);
});

/** A store without room: the message cannot be made durable. */
class FullStore extends MemoryStore {
  override commit(): Promise<void> {
    return Promise.reject(new PosthouseError('store-full', 'no room'));
  }
}

/** A store that breaks while the octets come in. */
class BrokenStore extends MemoryStore {
  override draft(): MessageDraft {
    const fail = (): never => {
      throw new Error('the disk is gone');
    };
    return { write: fail, finish: fail, discard: () => {} };
  }
}

test('a store that fails is told to each recipient, whatever was to be said to it, and nothing is kept', async () => {
  for (const [make, reply] of [
    [() => new FullStore(), '452 4.3.1 *'],
    [() => new BrokenStore(), '451 4.3.0 *'],
  ] as const) {
    const store = definePlugin({
      name: 'store-failing',
      provides: { queue: QueueStore },
      setup: () => ({ services: { queue: make() } }),
    });
    const plugins = [store(), judge(), deliverMemory()];
    await using house = await openHouse({
      plugins,
      memoryStore: false,
      listeners: [{ name: 'mx', host: '127.0.0.1', port: 0, protocol: 'lmtp' }],
    });
    await house.talk(dialogue('ann', ['bea', 'rejected', 'cyd'], [reply, reply, reply]));
    assert.deepEqual(house.events('message-queued'), []);
  }
});

test('Received names LMTP as it was spoken: with TLS, AUTH, both, and SMTPUTF8 (RFC 3848, RFC 6531 §4.3)', async () => {
  using folder = new CertificateFolder();
  const transport = deliverMemory();
  await using house = await openHouse({
    tls: folder.make('ours', 'house.example'),
    listeners: [
      {
        name: 'mx',
        host: '127.0.0.1',
        port: 0,
        protocol: 'lmtp',
        auth: 'offered',
        authWithoutTls: true,
      },
    ],
    plugins: [judge(), authMemory({ users: { ann: 'pencil' } }), transport],
  });
  let sent = 0;
  for (const [tls, auth, smtputf8, name] of [
    [false, false, false, 'LMTP'],
    [true, false, false, 'LMTPS'],
    [false, true, false, 'LMTPA'],
    [true, true, false, 'LMTPSA'],
    [false, false, true, 'UTF8LMTP'],
    [true, true, true, 'UTF8LMTPSA'],
  ] as const) {
    const client = await dial(house);
    await client.hears(/^220 .*\r\n/);
    await client.say('LHLO client.example').hears(/250 .*\r\n$/);
    if (tls) {
      await client.say('STARTTLS').hears(/^220 .*\r\n/);
      await client.secure();
      await client.say('LHLO client.example').hears(/250 .*\r\n$/);
    }
    if (auth) await client.say(`AUTH PLAIN ${btoa('\0ann\0pencil')}`).hears(/^235 .*\r\n/);
    await client
      .say(`MAIL FROM:<a@client.example>${smtputf8 ? ' SMTPUTF8' : ''}`, 'RCPT TO:<bea@x.example>', 'DATA')
      .hears(/354 .*\r\n/);
    await client.say('Subject: x', '', 'Hello', '.').hears(/^250 2\.0\.0 .*\r\n/);
    client.socket.destroy();
    sent += 1;
    const content = (await transport.delivered(sent))[sent - 1]?.content ?? '';
    assert.match(content, new RegExp(`by house\\.example with ${name} (?:\\(TLSv1\\.3 [^)]*\\) )?id `));
  }
});

test('on an LMTP listener a trusted client may speak for another one, and LHLO need not be said again', async () => {
  const transport = deliverMemory();
  await using house = await openHouse({
    plugins: [judge(), transport],
    listeners: [{ name: 'mx', host: '127.0.0.1', port: 0, protocol: 'lmtp', xclient: ['192.0.2.1'] }],
  });
  await house.talk(`
    S: 220 *
    C: LHLO proxy.example
    S: 250-*
    S: 250 XFORWARD *
    C: XCLIENT ADDR=198.51.100.7 HELO=client.example PROTO=ESMTP
    S: 220 house.example LMTP *
    C: MAIL FROM:<a@client.example> SIZE=20
    C: RCPT TO:<bea@x.example>
    C: RCPT TO:<rejected@x.example>
    C: DATA
    S: 250 *
    S: 250 *
    S: 250 *
    S: 354 *
    C: Subject: x
    C: .
    S: 250 *
    S: 550 5.2.2 *
    C: EHLO client.example
    S: 500 5.5.1 *
  `);
  const [message] = await transport.delivered(1);
  assert.match(
    message?.content ?? '',
    /from client\.example \(\[198\.51\.100\.7\]\)\r\n\tby \S+ with LMTP id /,
  );
});
