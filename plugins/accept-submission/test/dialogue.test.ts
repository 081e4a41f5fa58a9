// Whole dialogues with a house that has users: what they hear, and what comes out at the far end.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { authMemory, deliverMemory, type OpenHouse, openHouse } from '@posthouse/core/testing';
import acceptSubmission from '../src/index.ts';

const LOGIN = `C: AUTH PLAIN ${Buffer.from('\0ann\0secret').toString('base64')}`;
const users = authMemory({ users: { ann: 'secret' } });
const BEGIN = ['S: 220 *', 'C: EHLO client.example', 'S: 250-*', 'S: 250 *'];

/** A listener for other servers, and two where people submit: one that the core keeps for users, one that the plugin does. */
function open(config: object = {}) {
  const transport = deliverMemory();
  const listener = (name: string, auth: 'none' | 'offered' | 'required') => ({
    ...{ name, host: '127.0.0.1', port: 0, auth, authWithoutTls: auth !== 'none' },
  });
  return openHouse({
    listeners: [listener('mx', 'none'), listener('submission', 'required'), listener('lenient', 'offered')],
    plugins: [
      users,
      {
        use: acceptSubmission({ senders: ['{user}@house.example'], ...config }),
        on: ['submission', 'lenient'],
      },
      transport,
    ],
  }).then((house: OpenHouse) => ({ house, transport }));
}

test('ann hands in a message, and it goes out mended under her name', async () => {
  const { house, transport } = await open();
  await using _ = house;
  const dialogue = [
    ...BEGIN,
    LOGIN,
    'S: 235 2.7.0 *',
    'C: MAIL FROM:<ann@house.example>',
    'S: 250 2.1.0 *',
    'C: RCPT TO:<bob@elsewhere.example>',
    'S: 250 2.1.5 *',
    'C: DATA',
    'S: 354 *',
    'C: From: Ann <ann@house.example>',
    'C: Bcc: bob@elsewhere.example',
    'C: Subject: hello',
    'C:',
    'C: Hello',
    'C: .',
    'S: 250 2.0.0 *',
    'C: QUIT',
    'S: 221 *',
  ];
  await house.talk(dialogue.join('\n'), { listener: 'submission' });
  const [message] = await transport.delivered(1);
  assert.equal(message?.sender, 'ann@house.example');
  assert.match(
    message?.content ?? '',
    /^Received: from client\.example [\s\S]* with ESMTPA [\s\S]*\r\nFrom: Ann <ann@house\.example>\r\nSubject: hello\r\nDate: Mon, 5 Jan 2026 12:00:00 \+0000\r\nMessage-ID: <[^<>\s]+@house\.example>\r\n\r\nHello\r\n$/,
  );
});

test('nobody hands in a message without having authenticated, nor to the listener of other servers', async () => {
  const { house } = await open();
  await using _ = house;
  for (const listener of ['submission', 'lenient']) {
    for (const sender of ['ann@house.example', 'who@elsewhere.example', '']) {
      const dialogue = [
        ...BEGIN,
        `C: MAIL FROM:<${sender}>`,
        'S: 530 5.7.0 *',
        'C: RCPT TO:<bob@elsewhere.example>',
        'S: 503 5.5.1 *',
        'C: DATA',
        'S: 503 5.5.1 *',
      ];
      await house.talk(dialogue.join('\n'), { listener });
    }
  }
  const elsewhere = [
    ...BEGIN,
    'C: MAIL FROM:<ann@house.example>',
    'S: 250 *',
    'C: RCPT TO:<bob@elsewhere.example>',
    'S: 550 5.7.1 *',
  ];
  await house.talk(elsewhere.join('\n'));
  assert.equal(house.events('message-queued').length, 0);
});

/** What ann tries to send as: behind `MAIL FROM:`, and in From. */
const disguises: readonly (readonly [sender: string, from?: string])[] = [
  ['<eve@house.example>'],
  ['<ann@elsewhere.example>'],
  ['<"ann@house.example"@elsewhere.example>'],
  ['<@house.example:ann@elsewhere.example>'],
  ['<ann%house.example@elsewhere.example>'],
  ['<"ann "@house.example>'],
  ['<ann@house.example.elsewhere.example>'],
  ['<ann@[198.51.100.1]>'],
  ['<ann+x@house.example>'],
  ['<ann@house>'],
  ['<ann@house.example>', 'eve@house.example'],
  ['<ann@house.example>', '"ann@house.example" <eve@house.example>'],
  ['<ann@house.example>', 'ann@house.example, eve@house.example'],
  ['<ann@house.example>', 'ann@house.example ('],
  ['<ann@house.example>', 'ann@house.example\\neve@house.example'],
  ['<ann@house.example>', 'eve@house.example (ann@house.example)'],
  ['<>', 'eve@house.example'],
  ['<>', 'MAILER-DAEMON'],
];

for (const [sender, from = 'ann@house.example'] of disguises) {
  test(`ann may not pass as MAIL FROM:${sender} with From: ${from}`, async () => {
    const { house } = await open();
    await using _ = house;
    const own = sender === '<ann@house.example>' || sender === '<>';
    const dialogue = [
      ...BEGIN,
      LOGIN,
      'S: 235 *',
      `C: MAIL FROM:${sender}`,
      ...(own
        ? [
            'S: 250 *',
            'C: RCPT TO:<bob@elsewhere.example>',
            'S: 250 *',
            'C: DATA',
            'S: 354 *',
            `C: From: ${from}`,
            'C:',
            'C: Hello',
            'C: .',
          ]
        : []),
      'S: 55*',
    ];
    await house.talk(dialogue.join('\n'), { listener: 'submission' });
    assert.equal(house.events('message-queued').length, 0);
  });
}

test('who has reached his limit hears when he may send again, and may send then', async () => {
  const { house } = await open({ messagesPerHour: 1 });
  await using _ = house;
  const send = [
    'C: MAIL FROM:<ann@house.example>',
    'S: 250 *',
    'C: RCPT TO:<bob@elsewhere.example>',
    'S: 250 *',
    'C: DATA',
    'S: 354 *',
    'C: From: ann@house.example',
    'C:',
    'C: .',
    'S: 250 *',
  ];
  const over = [
    'C: MAIL FROM:<ann@house.example>',
    'S: 450 4.7.28 At most 1 message an hour for this user, try again in 65 minutes',
  ];
  const at = { listener: 'submission' };
  await house.talk([...BEGIN, LOGIN, 'S: 235 *', ...send, ...over].join('\n'), at);
  await house.talk([...BEGIN, LOGIN, 'S: 235 *', ...over].join('\n'), at);
  await house.clock.advance(65 * 60_000);
  await house.talk([...BEGIN, LOGIN, 'S: 235 *', ...send].join('\n'), at);
});
