// Mail that plugins write: what becomes of it on its way into the queue, who signs it, and what is refused.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definePlugin, Mailer, type OwnMail, type OwnMailSigner, Verdict } from '../../src/index.ts';
import { deliverMemory, openHouse } from '../../src/testing/index.ts';

/** A plugin that sends what the test wants sent. */
function writer() {
  let mailer: Mailer | undefined;
  const plugin = definePlugin({
    name: 'report-things',
    needs: { mailer: Mailer },
    setup(tools) {
      mailer = tools.mailer;
      // What goes through here came from a client.
      return { hooks: { 'on-data': () => Verdict.reject('5.7.1', 'no') } };
    },
  });
  return {
    plugin: plugin(),
    send: (over: Partial<OwnMail> = {}): Promise<void> => (mailer as Mailer).send({ ...MAIL, ...over }),
  };
}

const MAIL: OwnMail = {
  sender: 'reports@house.example',
  recipients: ['ann@client.example'],
  content: Buffer.from('From: <reports@house.example>\r\nSubject: x\r\n\r\nhello\r\n'),
};
const signer = (name: string, ownMailSigner: OwnMailSigner) =>
  definePlugin({ name, setup: () => ({ ownMailSigner }) })();

test('mail of a plugin is signed, marked as automatic, and goes out like any other', async () => {
  const { plugin, send } = writer();
  const transport = deliverMemory();
  const first = signer(
    'sign-a',
    () =>
      ({ header }) =>
        `X-A: ${Buffer.from(header).includes('Received: by') ? 1 : 0}\r\n`,
  );
  const none = signer('sign-none', () => undefined);
  const last = signer(
    'sign-b',
    ({ sender }) =>
      () =>
        `X-B: ${sender}\r\n`,
  );
  const observing = { use: signer('sign-c', () => () => 'X-C: 1\r\n'), mode: 'observe' as const };
  await using house = await openHouse({ plugins: [plugin, first, none, last, observing, transport] });
  await send();
  const [mail] = await transport.delivered(1);
  assert.equal(mail?.sender, 'reports@house.example');
  assert.deepEqual(mail?.recipients, ['ann@client.example']);
  const [queued] = house.events('message-queued');
  assert.equal(queued?.plugin, 'report-things');
  assert.equal(
    mail?.content.replace(/Date: [^\r]+/, 'Date: D').replace(/<[A-Z0-9]+@/, '<ID@'),
    'X-B: reports@house.example\r\nX-A: 1\r\n' +
      `Received: by house.example id ${queued?.message}\r\n\tfor <ann@client.example>; Mon, 5 Jan 2026 12:00:00 +0000\r\n` +
      'Date: D\r\nMessage-ID: <ID@house.example>\r\nAuto-Submitted: auto-generated\r\n' +
      'From: <reports@house.example>\r\nSubject: x\r\n\r\nhello\r\n',
  );
});

test('parts become a multipart message that any mail server carries', async () => {
  const { plugin, send } = writer();
  const transport = deliverMemory();
  await using _house = await openHouse({ plugins: [plugin, transport] });
  const content = {
    fields: [
      ['Date', 'Mon, 5 Jan 2026 00:00:00 +0000'],
      ['Message-ID', '<1@house.example>'],
      ['Auto-Submitted', 'auto-replied'],
      ['From', '<reports@house.example>'],
      ['Subject', `${'word '.repeat(20)}end`],
    ],
    multipart: 'report; report-type=tlsrpt',
    parts: [
      { type: 'text/plain', content: 'plain\n' },
      { type: 'text/plain', content: 'grün\n' },
      { type: 'application/gzip', fields: [['X-Name', 'y']], content: new Uint8Array(100) },
    ],
  } as const;
  await send({ sender: '', recipients: ['ann@client.example', 'bob@client.example'], content });
  const [mail] = await transport.delivered(1);
  assert.equal(mail?.sender, '');
  const text = mail?.content ?? '';
  assert.doesNotMatch(text.slice(0, text.indexOf('\r\n\r\n')), /auto-generated|\tfor </);
  const boundary = /report-type=tlsrpt;\s+boundary="([^"]+)"/.exec(text)?.[1] as string;
  const parts = text.split(`--${boundary}`).slice(1);
  assert.deepEqual(parts, [
    '\r\nContent-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\nplain\r\n\r\n',
    '\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ngr=C3=BCn\r\n\r\n',
    `\r\nContent-Type: application/gzip\r\nContent-Transfer-Encoding: base64\r\nX-Name: y\r\n\r\n${'A'.repeat(76)}\r\n${'A'.repeat(58)}==\r\n`,
    '--\r\n',
  ]);
  for (const line of text.split('\r\n')) assert.ok(line.length <= 78, line);
});

test('what goes beyond ASCII says so in its envelope', async () => {
  const { plugin, send } = writer();
  await using house = await openHouse({ plugins: [plugin] });
  const octets = (subject: string, body: string) =>
    Buffer.from(`From: <a@house.example>\r\nSubject: ${subject}\r\n\r\n${body}\r\n`);
  await send({ content: octets('x', 'grün') });
  await send({ content: octets('grün', 'x') });
  const { entries } = await house.server.house.store.find({}, 10);
  assert.deepEqual(
    entries.map(({ message }) => message.parameters),
    [{ body: '8BITMIME' }, { body: '8BITMIME', smtputf8: true }],
  );
});

const HEAD = 'From: <a@house.example>\r\n';
const WRONG: readonly (readonly [string, Partial<OwnMail>, RegExp])[] = [
  ['a sender that is none', { sender: 'nobody' }, /its sender "nobody" is not a mail address/],
  ['a recipient that is none', { recipients: ['a b'] }, /its recipient "a b" is not/],
  ['no recipient', { recipients: [] }, /it has 0 recipients/],
  [
    'more recipients than a message may have',
    { recipients: new Array(101).fill('a@b.example') },
    /101 recipients/,
  ],
  ['a bare LF', { content: Buffer.from(`${HEAD}\r\na\nb\r\n`) }, /not part of a CRLF/],
  ['a NUL', { content: Buffer.from(`${HEAD}\r\n\0\r\n`) }, /NUL/],
  ['a line that is too long', { content: Buffer.from(`${HEAD}\r\n${'x'.repeat(999)}\r\n`) }, /998/],
  ['no empty line', { content: Buffer.from(HEAD) }, /no header section/],
  ['no From', { content: Buffer.from('Subject: x\r\n\r\n') }, /no From/],
  ['the claim of a person', { content: Buffer.from(`${HEAD}Auto-Submitted: no\r\n\r\n`) }, /a person/],
  [
    'more octets than a message may have',
    { content: Buffer.from(`${HEAD}\r\n${'x\r\n'.repeat(800)}`) },
    /messageSize/,
  ],
  [
    'more trips than a message makes',
    { content: Buffer.from(`${'Received: x\r\n'.repeat(101)}${HEAD}\r\n`) },
    /loop/,
  ],
  [
    'a field with a line end in it',
    { content: { fields: [['Subject', 'x\r\nBcc: y']], multipart: 'mixed', parts: [] } },
    /"Subject" is no header field/,
  ],
];
for (const [what, over, message] of WRONG) {
  test(`a message with ${what} is refused to the plugin, and nothing is kept`, async () => {
    const { plugin, send } = writer();
    await using house = await openHouse({
      plugins: [plugin, deliverMemory()],
      limits: { recipients: 100, messageSize: 2000 },
    });
    await assert.rejects(send(over), { code: 'mail-refused', message });
    assert.equal((await house.server.house.store.counts()).messages, 0);
  });
}

test('a plugin may send so many messages of its own within an hour', async () => {
  const { plugin, send } = writer();
  await using house = await openHouse({
    plugins: [plugin, deliverMemory()],
    limits: { ownMessagesPerHour: 2 },
  });
  await send();
  await send();
  await assert.rejects(send(), { code: 'mail-refused', message: /report-things has sent 2 within an hour/ });
  await house.clock.advance(3_600_000);
  await send();
});

test('what cannot be signed is not sent, and the plugin may try again', async () => {
  const { plugin, send } = writer();
  const broken = signer('sign-a', () => () => {
    throw new Error('no key');
  });
  await using house = await openHouse({ plugins: [plugin, broken, deliverMemory()] });
  await assert.rejects(send(), { code: 'store-failed' });
  assert.deepEqual(
    house.events('handler-failed').map(({ plugin: name, error }) => [name, error]),
    [['sign-a', 'no key']],
  );
  assert.equal((await house.server.house.store.counts()).messages, 0);
});

test('nobody answers for mail before the server is put together', async () => {
  const early = definePlugin({
    name: 'report-early',
    needs: { mailer: Mailer },
    setup: ({ mailer }) => {
      const sent = mailer.send(MAIL);
      sent.catch(() => {});
      return { start: () => assert.rejects(sent, { code: 'mail-refused' }) };
    },
  });
  await using _house = await openHouse({ plugins: [early(), deliverMemory()] });
});

test('a message that is given up is told to its sender, unless that is the null reverse-path', async () => {
  const { plugin, send } = writer();
  await using house = await openHouse({ plugins: [plugin] });
  await send({ expireAfter: 60_000 });
  await send({ expireAfter: 60_000, sender: '' });
  await house.clock.advance(3_600_000);
  assert.deepEqual(
    house.events('notice-queued').map(({ action, to }) => [action, to]),
    [['failed', 'reports@house.example']],
  );
  assert.equal(house.events('notice-dropped').length, 1);
});

test('a plugin that was there before a reload sends by what is there after it', async () => {
  const { plugin, send } = writer();
  const transport = deliverMemory();
  await using house = await openHouse({ plugins: [plugin, transport] });
  const { definition } = house.server.house;
  await house.server.reload({ ...definition, limits: { ...definition.limits, ownMessagesPerHour: 1 } });
  await send();
  await assert.rejects(send(), { code: 'mail-refused' });
});
