import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Mailbox, Verdict } from '@posthouse/core';
import { fakeClock, type MountedPlugin, mount } from '@posthouse/core/testing';
import acceptSubmission from '../src/index.ts';

const ann = { session: { user: 'ann' } };
const config = { senders: ['{user}@example.org'], users: { ann: ['sales@example.org'] } };
const ACCEPT = Verdict.accept({ reason: 'submission.authenticated' });
const SILENT = Verdict.continue();

const GOOD =
  'From: Ann <ann@example.org>\r\nDate: Mon, 5 Jan 2026 12:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n';
const message = (fields: string): string => `${fields}Subject: hello\r\n\r\nHello\r\n`;

test('who has authenticated may send to anywhere', async () => {
  await using plugin = await mount(acceptSubmission(config));
  assert.deepEqual(await plugin.ask('on-mail-from', { ...ann, sender: 'ann@example.org' }), SILENT);
  assert.deepEqual(await plugin.ask('on-rcpt', { ...ann, recipient: 'who@elsewhere.example' }), ACCEPT);
  assert.deepEqual(await plugin.ask('on-data', { ...ann, message: message(GOOD) }), SILENT);
  assert.deepEqual(plugin.edits, []);
});

test('a stranger is told to authenticate, whatever he sends as', async () => {
  await using plugin = await mount(acceptSubmission(config));
  for (const sender of ['ann@example.org', 'who@elsewhere.example', null]) {
    assert.deepEqual(
      await plugin.ask('on-mail-from', { sender }),
      Verdict.reject('5.7.0', 'Authentication required', {
        code: 530,
        reason: 'submission.unauthenticated',
      }),
    );
  }
  assert.deepEqual(await plugin.ask('on-rcpt', { recipient: 'who@elsewhere.example' }), SILENT);
});

test('where other servers send to the same listener, nothing is said of them and nothing changed', async () => {
  await using plugin = await mount(acceptSubmission({ ...config, requireAuth: false }));
  assert.deepEqual(await plugin.ask('on-mail-from', { sender: 'who@elsewhere.example' }), SILENT);
  assert.deepEqual(await plugin.ask('on-rcpt', { recipient: 'ann@example.org' }), SILENT);
  assert.deepEqual(await plugin.ask('on-data', { message: 'Bcc: who@example.org\r\n\r\n' }), SILENT);
  assert.deepEqual(plugin.edits, []);
});

test('a client of a trusted network needs no password and may send as anybody, and its messages are mended', async () => {
  await using plugin = await mount(
    acceptSubmission({ ...config, trustedNetworks: ['192.0.2.0/24'], messagesPerHour: 1 }),
  );
  for (const sender of ['who@elsewhere.example', null])
    assert.deepEqual(await plugin.ask('on-mail-from', { sender }), SILENT);
  assert.deepEqual(
    await plugin.ask('on-rcpt', { recipient: 'who@elsewhere.example' }),
    Verdict.accept({ reason: 'submission.trusted-network' }),
  );
  assert.equal((await plugin.ask('on-rcpt', { recipient: 'who@mailhost' })).kind, 'reject');
  for (let sent = 0; sent < 2; sent++)
    assert.deepEqual(
      await plugin.ask('on-data', { message: message('From: who@elsewhere.example\r\n') }),
      SILENT,
    );
  assert.equal(plugin.edits.length, 4);
  const stranger = { session: { remoteAddress: '203.0.113.1' } };
  assert.equal((await plugin.ask('on-mail-from', stranger)).kind, 'reject');
});

const senders: readonly (readonly [sender: string | null, expected: Verdict])[] = [
  ['ann@example.org', SILENT],
  ['sales@example.org', SILENT],
  [null, SILENT],
  [
    'eve@example.org',
    Verdict.reject('5.7.1', 'User ann may not send as <eve@example.org>', {
      reason: 'submission.foreign-sender',
    }),
  ],
  [
    'ann@mailhost',
    Verdict.reject('5.1.8', 'The sender\'s domain "mailhost" is not fully qualified', {
      code: 554,
      reason: 'submission.unqualified-sender',
    }),
  ],
];

for (const [sender, expected] of senders) {
  test(`ann sends as <${sender ?? ''}>: ${expected.kind}`, async () => {
    await using plugin = await mount(acceptSubmission(config));
    assert.deepEqual(await plugin.ask('on-mail-from', { ...ann, sender }), expected);
  });
}

test('the null sender is refused where that is configured', async () => {
  await using plugin = await mount(acceptSubmission({ ...config, nullSender: 'reject' }));
  const { kind } = await plugin.ask('on-mail-from', { ...ann, sender: null });
  assert.equal(kind, 'reject');
});

const recipients: readonly (readonly [recipient: string | Mailbox, expected: Verdict])[] = [
  ['who@elsewhere.example', ACCEPT],
  ['who@[192.0.2.7]', ACCEPT],
  ['who@localhost', ACCEPT],
  [new Mailbox('postmaster', ''), SILENT],
  [
    'who@mailhost',
    Verdict.reject('5.1.2', 'The domain "mailhost" is not fully qualified', {
      code: 554,
      reason: 'submission.unqualified-recipient',
    }),
  ],
];

for (const [recipient, expected] of recipients) {
  test(`ann sends to <${recipient}>: ${expected.kind}`, async () => {
    await using plugin = await mount(acceptSubmission({ ...config, singleLabelDomains: ['localhost'] }));
    assert.deepEqual(await plugin.ask('on-rcpt', { ...ann, recipient }), expected);
  });
}

/** The fields in question, and the reason of the refusal or undefined. */
const authors: readonly (readonly [what: string, fields: string, reason?: string])[] = [
  ['her own address', 'From: ann@example.org\r\n'],
  ['another address of hers', 'From: "Sales, Ours" <Sales@example.org>\r\n'],
  ['two addresses of hers', 'From: ann@example.org, sales@example.org\r\nSender: ann@example.org\r\n'],
  ['a foreign address', 'From: eve@example.org\r\n', 'submission.foreign-author'],
  [
    'a foreign address that looks like hers',
    'From: "ann@example.org" <eve@example.org>\r\n',
    'submission.foreign-author',
  ],
  [
    'a foreign address besides hers',
    'From: ann@example.org, eve@example.org\r\n',
    'submission.foreign-author',
  ],
  ['a foreign Sender', 'From: ann@example.org\r\nSender: eve@example.org\r\n', 'submission.foreign-author'],
  [
    'a foreign From with her own Sender',
    'From: eve@example.org\r\nSender: ann@example.org\r\n',
    'submission.foreign-author',
  ],
  ['a foreign From, folded', 'From:\r\n eve\r\n @example.org\r\n', 'submission.foreign-author'],
  ['a foreign From in a group', 'From: Ours: eve@example.org;\r\n', 'submission.foreign-author'],
  ['a foreign From with a space before the colon', 'From : eve@example.org\r\n', 'submission.foreign-author'],
  ['no From', '', 'submission.no-author'],
  ['an empty From', 'From:\r\n', 'submission.no-author'],
  ['two From fields', 'From: ann@example.org\r\nfrom: eve@example.org\r\n', 'submission.no-author'],
  ['two From fields of hers', 'From: ann@example.org\r\nFrom: ann@example.org\r\n', 'submission.no-author'],
  ['a From that is no address', 'From: Ann\r\n', 'submission.no-author'],
  ['a From of which a part is no address', 'From: ann@example.org, Eve\r\n', 'submission.no-author'],
  [
    'a From that could be read in two ways',
    'From: ann@example.org <eve@example.org>\r\n',
    'submission.no-author',
  ],
  [
    'two addresses in Sender',
    'From: ann@example.org\r\nSender: ann@example.org, sales@example.org\r\n',
    'submission.no-author',
  ],
  [
    'two Sender fields',
    'From: ann@example.org\r\nSender: ann@example.org\r\nSender: ann@example.org\r\n',
    'submission.no-author',
  ],
  ['a Sender that is no address', 'From: ann@example.org\r\nSender: me\r\n', 'submission.no-author'],
];

for (const [what, fields, reason] of authors) {
  test(`ann writes with ${what}: ${reason ?? 'good'}`, async () => {
    await using plugin = await mount(acceptSubmission(config));
    const answer = await plugin.ask('on-data', {
      ...ann,
      sender: 'ann@example.org',
      message: message(fields),
    });
    assert.equal(answer.kind === 'reject' ? answer.reason : undefined, reason);
    assert.equal(answer.kind, reason === undefined ? 'continue' : 'reject');
  });
}

/** Edits as `kind name value`. */
function editsOf(plugin: MountedPlugin): readonly string[] {
  return plugin.edits.map((edit) =>
    'value' in edit
      ? `${edit.kind} ${edit.name}: ${edit.value}`
      : `${edit.kind} ${'name' in edit ? edit.name : ''}`,
  );
}

const SENDER = 'replace Sender: ann@example.org';
const added: readonly (readonly [what: string, fields: string, edits: readonly string[]])[] = [
  ['gives a foreign From the Sender', 'From: eve@elsewhere.example\r\n', [SENDER]],
  ['replaces a foreign Sender', 'From: ann@example.org\r\nSender: eve@elsewhere.example\r\n', [SENDER]],
  ['leaves a Sender of hers alone', 'From: eve@elsewhere.example\r\nSender: sales@example.org\r\n', []],
  ['leaves her own From alone', 'From: ann@example.org\r\n', []],
];

for (const [what, fields, edits] of added) {
  test(`add-sender ${what}`, async () => {
    await using plugin = await mount(acceptSubmission({ ...config, headerFrom: 'add-sender' }));
    const own = 'Date: Mon, 5 Jan 2026 12:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n';
    const details = { ...ann, sender: 'ann@example.org', message: message(fields + own) };
    assert.deepEqual(await plugin.ask('on-data', details), SILENT);
    assert.deepEqual(editsOf(plugin), edits);
  });
}

test('add-sender refuses a foreign From where no sender is there to be added, and fields that cannot be read', async () => {
  await using plugin = await mount(acceptSubmission({ ...config, headerFrom: 'add-sender' }));
  for (const [sender, fields] of [
    [null, 'From: eve@elsewhere.example\r\n'],
    ['ann@example.org', 'From: a@b.example <eve@elsewhere.example>\r\n'],
  ] as const) {
    const { kind } = await plugin.ask('on-data', { ...ann, sender, message: message(fields) });
    assert.equal(kind, 'reject');
  }
});

test('with `note` a foreign author is logged and noted, with `ignore` not even that', async () => {
  const fields = 'From: eve@elsewhere.example\r\n';
  await using noting = await mount(acceptSubmission({ ...config, headerFrom: 'note' }));
  assert.deepEqual(await noting.ask('on-data', { ...ann, message: message(fields) }), SILENT);
  assert.equal(noting.log.lines.at(-1)?.text, 'the message is not in the name of its user');
  await using ignoring = await mount(acceptSubmission({ ...config, headerFrom: 'ignore' }));
  assert.deepEqual(await ignoring.ask('on-data', { ...ann, message: message('') }), SILENT);
  assert.deepEqual(ignoring.log.lines, []);
});

test('a domain in the address fields that is not fully qualified is refused', async () => {
  await using plugin = await mount(acceptSubmission({ ...config, singleLabelDomains: ['Localhost'] }));
  for (const field of ['To: Who <who@mailhost>', 'Cc: a@b.example, who@mailhost', 'Reply-To: who@mailhost']) {
    assert.deepEqual(
      await plugin.ask('on-data', { ...ann, message: message(`${GOOD}${field}\r\n`) }),
      Verdict.reject(
        '5.6.0',
        `The domain of <who@mailhost> in ${field.split(':')[0]} is not fully qualified`,
        {
          code: 554,
          reason: 'submission.unqualified-header',
        },
      ),
    );
  }
  for (const field of ['To: root', 'To: undisclosed-recipients:;', 'To: who@LOCALHOST', 'To: <<<'])
    assert.deepEqual(
      await plugin.ask('on-data', { ...ann, message: message(`${GOOD}${field}\r\n`) }),
      SILENT,
    );
});

test('what is missing is added, and what nobody should see removed', async () => {
  const clock = fakeClock(Date.UTC(2026, 0, 5, 12));
  const identifiers = { next: () => 'ID1' };
  await using plugin = await mount(acceptSubmission(config), { clock, identifiers });
  const fields =
    'From: ann@example.org\r\nBcc: eve@example.org\r\nRETURN-PATH: <x@example.org>\r\nResent-Bcc: b@example.org\r\n';
  await plugin.ask('on-data', { ...ann, message: message(fields) });
  assert.deepEqual(editsOf(plugin), [
    'replace Date: Mon, 5 Jan 2026 12:00:00 +0000',
    'replace Message-ID: <ID1@house.example>',
    'remove Return-Path',
    'remove Bcc',
    'remove Resent-Bcc',
  ]);
});

test('an empty Date or Message-ID counts as missing, and Bcc stays where that is configured', async () => {
  await using plugin = await mount(acceptSubmission({ ...config, removeBcc: false }));
  const fields = 'From: ann@example.org\r\nDate: \r\nMessage-ID:\r\nBcc: eve@example.org\r\n';
  await plugin.ask('on-data', { ...ann, message: message(fields) });
  assert.deepEqual(
    plugin.edits.map((edit) => `${edit.kind} ${'name' in edit ? edit.name : ''}`),
    ['replace Date', 'replace Message-ID'],
  );
});

test('a limit of messages holds at MAIL, and at the end of a message for connections side by side', async () => {
  const clock = fakeClock();
  await using plugin = await mount(acceptSubmission({ ...config, messagesPerHour: 2 }), { clock });
  const mail = () => plugin.ask('on-mail-from', { ...ann, sender: 'ann@example.org' });
  const data = () => plugin.ask('on-data', { ...ann, message: message(GOOD) });
  const over = Verdict.defer('4.7.28', 'At most 2 messages an hour for this user, try again in 65 minutes', {
    code: 450,
    reason: 'submission.messages-per-hour',
  });
  for (let connection = 0; connection < 3; connection++) assert.deepEqual(await mail(), SILENT);
  assert.deepEqual(await data(), SILENT);
  assert.deepEqual(await data(), SILENT);
  assert.deepEqual(await data(), over);
  assert.deepEqual(await mail(), over);
  assert.deepEqual(
    await plugin.ask('on-mail-from', { session: { user: 'bob' }, sender: 'bob@example.org' }),
    SILENT,
  );
  await clock.advance(65 * 60_000);
  assert.deepEqual(await mail(), SILENT);
});

test('a limit of recipients holds at RCPT, what the message has already counted in', async () => {
  await using plugin = await mount(acceptSubmission({ ...config, recipientsPerDay: 3 }));
  const rcpt = (accepted: readonly string[]) =>
    plugin.ask('on-rcpt', { ...ann, recipient: 'who@elsewhere.example', accepted });
  const two = ['a@example.org', 'b@example.org'];
  assert.deepEqual(await rcpt(two), ACCEPT);
  const tooMany = await rcpt([...two, 'c@example.org']);
  assert.equal(
    tooMany.kind === 'defer' && `${tooMany.code} ${tooMany.text}`,
    '452 At most 3 recipients a day for this user',
  );
  await plugin.ask('on-data', { ...ann, recipients: two, message: message(GOOD) });
  assert.deepEqual(await rcpt([]), ACCEPT);
  const later = await rcpt(['a@example.org']);
  assert.match(
    later.kind === 'defer' ? later.text : '',
    /^At most 3 recipients a day for this user, try again in 25 hours$/,
  );
});

test('a user may have limits of his own, and 0 is no limit', async () => {
  const limits = { messagesPerHour: 1, userLimits: { ann: { messagesPerHour: 0, messagesPerDay: 3 } } };
  await using plugin = await mount(acceptSubmission({ ...config, ...limits }));
  const answers: string[] = [];
  for (let sent = 0; sent < 4; sent++)
    answers.push((await plugin.ask('on-data', { ...ann, message: message(GOOD) })).kind);
  assert.deepEqual(answers, ['continue', 'continue', 'continue', 'defer']);
});

test('a refused message is not counted', async () => {
  await using plugin = await mount(acceptSubmission({ ...config, messagesPerHour: 1 }));
  await plugin.ask('on-data', { ...ann, message: message('From: eve@example.org\r\n') });
  assert.deepEqual(await plugin.ask('on-data', { ...ann, message: message(GOOD) }), SILENT);
});

test('a sender in the configuration that is none is refused by its place', async () => {
  await assert.rejects(mount(acceptSubmission({ senders: ['{user}@example.org', 'ann'] })), {
    code: 'config-invalid',
    message: 'senders[1]: "ann" is not a sender: an address, *@domain, {user}@domain, {user} or *',
  });
  await assert.rejects(mount(acceptSubmission({ users: { ann: ['x'] } })), { message: /^users\["ann"\]: / });
});
