import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { QueuedRecipient } from '../../src/contract/index.ts';
import type { RecipientNews } from '../../src/delivery/news.ts';
import { type NoticeFacts, noticeFor } from '../../src/delivery/notice.ts';
import { ENGLISH } from '../../src/delivery/notice-template.ts';
import type { PermanentStatus } from '../../src/smtp/index.ts';
import { parseReport, unquoted } from './report-parser.ts';

const HEADER = 'From: ann@sender.example\r\nMessage-ID: <1@sender.example>\r\nSubject: Hi\r\n';

type Failure = Pick<RecipientNews, 'status' | 'text' | 'remote'>;
const failure = (status: PermanentStatus, text: string, reply?: string): Failure => ({
  status,
  text,
  ...(reply !== undefined && { remote: { host: 'mx.a.example', reply } }),
});
const failed = (address: string, why: Failure): RecipientNews => ({
  action: 'failed',
  recipient: { address },
  ...why,
});

function facts(given: Partial<NoticeFacts> & { header?: string } = {}): NoticeFacts {
  const { header = HEADER, ...rest } = given;
  return {
    original: { sender: 'ann@sender.example', parameters: {} },
    returned: { kind: 'headers', octets: Buffer.from(header, 'utf8') },
    news: [
      failed(
        'joe@a.example',
        failure('5.1.1', 'refused by the next hop', '550 5.1.1 <joe@a.example>: no such user'),
      ),
    ],
    template: ENGLISH.failed,
    hostname: 'mx.example',
    id: '0001ABC',
    now: 'Mon, 5 Jan 2026 12:00:00 +0000',
    arrived: 'Mon, 5 Jan 2026 11:59:00 +0000',
    expires: 'Sat, 10 Jan 2026 11:59:00 +0000',
    ...rest,
  };
}

const reportOf = (given?: Parameters<typeof facts>[0]) => parseReport(noticeFor(facts(given)).content);
const failedAs = (recipient: QueuedRecipient, outcome = failure('5.0.0', 'no')) => ({
  news: [{ action: 'failed' as const, recipient, ...outcome }],
});

test('a bounce is, octet for octet, what it has always been', () => {
  assert.equal(
    Buffer.from(noticeFor(facts()).content).toString('latin1').replaceAll('\r\n', '\n'),
    `From: "Mail Delivery System" <MAILER-DAEMON@mx.example>
To: <ann@sender.example>
Subject: Your message could not be delivered
Date: Mon, 5 Jan 2026 12:00:00 +0000
Message-ID: <0001ABC@mx.example>
In-Reply-To: <1@sender.example>
References: <1@sender.example>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="=_0001ABC_0"
Content-Transfer-Encoding: 7bit

This is a delivery status notification in MIME format.

--=_0001ABC_0
Content-Type: text/plain; charset=us-ascii
Content-Transfer-Encoding: 7bit

Hello,

this is the mail server mx.example. I am sorry to tell you that your message
of Mon, 5 Jan 2026 11:59:00 +0000 could not be delivered as addressed below.
It will not be tried again.

<joe@a.example>
    Bad destination mailbox address (5.1.1).
    mx.a.example: 550 5.1.1 <joe@a.example>: no such user

If the address is right and the problem remains, please ask the recipient in
another way, or the postmaster of the domain.

Attached are a report for mail programs, and your message or its header.

--=_0001ABC_0
Content-Type: message/delivery-status
Content-Transfer-Encoding: 7bit

Reporting-MTA: dns; mx.example
Arrival-Date: Mon, 5 Jan 2026 11:59:00 +0000

Final-Recipient: rfc822; joe@a.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.a.example
Diagnostic-Code: smtp; 550 5.1.1 <joe@a.example>: no such user
Last-Attempt-Date: Mon, 5 Jan 2026 12:00:00 +0000

--=_0001ABC_0
Content-Type: text/rfc822-headers
Content-Transfer-Encoding: 7bit

From: ann@sender.example
Message-ID: <1@sender.example>
Subject: Hi

--=_0001ABC_0--
`,
  );
});

test('each failed recipient has its group of fields and its words for people', () => {
  const { perRecipient, text } = reportOf({
    news: [
      failed('one@a.example', failure('5.1.1', 'unknown')),
      failed('two@b.example', failure('5.4.7', 'Delivery time expired')),
    ],
  });
  assert.deepEqual(
    perRecipient.map(({ get }) => [
      get('Final-Recipient'),
      get('Action'),
      get('Status'),
      get('Remote-MTA'),
      get('Diagnostic-Code'),
    ]),
    [
      ['rfc822; one@a.example', 'failed', '5.1.1', undefined, 'x-posthouse; unknown'],
      ['rfc822; two@b.example', 'failed', '5.4.7', undefined, 'x-posthouse; Delivery time expired'],
    ],
  );
  assert.match(text, /<one@a\.example>/);
  assert.match(text, /<two@b\.example>/);
});

test('ENVID and ORCPT come back decoded (RFC 3461 §6.3)', () => {
  const { perMessage, perRecipient } = reportOf({
    original: { sender: 'ann@sender.example', parameters: { envid: 'QQ+314=159' } },
    ...failedAs({
      address: 'joe@a.example',
      parameters: { orcpt: { type: 'rfc822', address: 'a+b@c.example' } },
    }),
  });
  assert.equal(perMessage.get('Original-Envelope-Id'), 'QQ+314=159');
  assert.equal(perRecipient[0]?.get('Original-Recipient'), 'rfc822; a+b@c.example');
  assert.equal(perMessage.names[0], 'Original-Envelope-Id');
});

test('a whole message is returned as message/rfc822, octet for octet', () => {
  const octets = Buffer.from(`${HEADER}\r\nGr\xfc\xdfe\r\nsecond line`, 'latin1');
  const bounce = noticeFor(facts({ returned: { kind: 'message', octets } }));
  const { returned } = parseReport(bounce.content);
  assert.equal(returned.header.get('Content-Type'), 'message/rfc822');
  assert.equal(returned.content, octets.toString('latin1'));
  assert.deepEqual([bounce.eightBit, bounce.smtputf8], [true, false]);
});

test('an address beyond ASCII makes it a global delivery status (RFC 6533)', () => {
  const bounce = noticeFor(
    facts({
      original: { sender: 'ann@sender.example', parameters: { smtputf8: true } },
      header: 'Subject: Grüße\r\n',
      ...failedAs({ address: 'jürgen@a.example' }),
    }),
  );
  const { parts, perRecipient, returned } = parseReport(bounce.content);
  assert.equal(parts[1]?.header.get('Content-Type'), 'message/global-delivery-status');
  assert.equal(
    perRecipient[0]?.get('Final-Recipient'),
    Buffer.from('utf-8; jürgen@a.example').toString('latin1'),
  );
  assert.equal(returned.header.get('Content-Type'), 'message/global-headers');
  assert.deepEqual(
    [bounce.eightBit, bounce.smtputf8],
    [true, false],
    'its own header is ASCII: any 8BITMIME host takes it',
  );
});

test('a sender beyond ASCII needs SMTPUTF8', () => {
  const bounce = noticeFor(
    facts({ original: { sender: 'änn@sender.example', parameters: { smtputf8: true } } }),
  );
  assert.equal(bounce.smtputf8, true);
});

test('what a next hop says stays ASCII in the status part, and readable for people', () => {
  const { parts, perRecipient, text } = reportOf(
    failedAs({ address: 'joe@a.example' }, failure('5.1.1', 'no', '550 Empfänger unbekannt')),
  );
  assert.equal(parts[1]?.header.get('Content-Type'), 'message/delivery-status');
  assert.equal(perRecipient[0]?.get('Diagnostic-Code'), 'smtp; 550 Empf\\x{E4}nger unbekannt');
  assert.match(Buffer.from(text, 'latin1').toString('utf8'), /Empfänger unbekannt/);
});

test('a notice in any language, about any reply, needs no 8BITMIME', () => {
  const template = {
    subject: 'Ihre Nachricht',
    text: `Schöne Grüße von {hostname}\n${'ä'.repeat(300)}\n{recipients}`,
  };
  const bounce = noticeFor({
    ...facts(failedAs({ address: 'joe@a.example' }, failure('5.1.1', 'no', '550 Empfänger unbekannt'))),
    template,
  });
  assert.deepEqual([bounce.eightBit, bounce.smtputf8], [false, false]);
  assert.ok(bounce.content.every((octet) => octet < 0x80));
  const { parts, text } = parseReport(bounce.content);
  assert.equal(parts[0]?.header.get('Content-Type'), 'text/plain; charset=utf-8');
  const words = Buffer.from(text, 'latin1').toString('utf8');
  assert.match(words, /^Schöne Grüße von /);
  assert.match(words, /Empfänger unbekannt/);
});

test('what others wrote can begin no field, no part and no line of its own', () => {
  const evil = '550 no\r\nX-Evil: yes\r\n\r\n--=_0001ABC_0\r\nContent-Type: text/html';
  const { perRecipient, header } = reportOf(
    failedAs({ address: 'joe@a.example' }, failure('5.1.1', evil, evil)),
  );
  assert.equal(perRecipient.length, 1);
  assert.equal(perRecipient[0]?.get('X-Evil'), undefined);
  assert.doesNotMatch(header.get('Content-Type') ?? '', /_0"/, 'the foreseen boundary is not used');
});

test('a Message-ID that is none is not repeated', () => {
  for (const header of [
    'Subject: x\r\n',
    'Message-ID: no brackets\r\n',
    'Message-ID: <a b>\r\n',
    `Message-ID: <${'x'.repeat(950)}>\r\n`,
  ]) {
    assert.equal(reportOf({ header }).header.get('In-Reply-To'), undefined, header.slice(0, 40));
  }
  assert.equal(reportOf({ header: 'message-id:\r\n <2@x>\r\n' }).header.get('In-Reply-To'), '<2@x>');
  assert.equal(
    reportOf({ header: 'Subject: a\r\n Message-ID: <not-a-field>\r\n' }).header.get('In-Reply-To'),
    undefined,
  );
});

test('whatever the texts are, the report can be read and none of its lines is too long', () => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 3000 }),
    fc.string({ unit: 'grapheme', maxLength: 3000 }),
  );
  fc.assert(
    fc.property(anything, anything, anything, (text, reply, host) => {
      const why = { status: '5.0.0', text, remote: { host, reply } } as const;
      const { perRecipient } = reportOf({ news: [failed('joe@a.example', why)] });
      assert.equal(perRecipient[0]?.get('Status'), '5.0.0');
    }),
    { numRuns: 300 },
  );
});

const BROKEN = 'Subject: a\0b\nX: c\rd\r\nTo: \xe9\r\n';

test('a header with octets that mail cannot carry comes back encoded, and the notice says so', () => {
  const returned = { kind: 'headers', octets: Buffer.from(BROKEN, 'latin1') } as const;
  const { content, eightBit } = noticeFor(facts({ returned }));
  const part = parseReport(content).returned;
  assert.equal(eightBit, false);
  assert.equal(part.header.get('Content-Transfer-Encoding'), 'quoted-printable');
  assert.match(
    part.header.get('Content-Description') ?? '',
    /^Header in quoted-printable, as it has octets /,
  );
  assert.equal(part.content, 'Subject: a=00b=0AX: c=0Dd\r\nTo: =E9\r\n');
});

test('a header with a line beyond 1000 octets comes back in lines that every server takes', () => {
  const header = `Subject: ${'x'.repeat(1200)}\r\n`;
  const part = parseReport(noticeFor(facts({ header })).content).returned;
  assert.equal(part.header.get('Content-Transfer-Encoding'), 'quoted-printable');
  assert.equal(unquoted(part.content), header);
});

test('a header for SMTPUTF8 comes back as it is, unless there are octets in it that nothing can carry', () => {
  const original = { sender: 'ann@sender.example', parameters: { smtputf8: true } } as const;
  const good = parseReport(noticeFor(facts({ original, header: 'Subject: \u00e9\r\n' })).content).returned;
  assert.equal(good.header.get('Content-Type'), 'message/global-headers');
  assert.equal(good.header.get('Content-Transfer-Encoding'), '8bit');
  const bad = parseReport(noticeFor(facts({ original, header: 'Subject: \u00e9\0\r\n' })).content).returned;
  assert.equal(bad.header.get('Content-Type'), 'message/global-headers');
  assert.equal(bad.content, 'Subject: =C3=A9=00\r\n');
});

test('whatever a header holds, the notice is mail, and what comes back can be read again', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 500 }), (text) => {
      const octets = Buffer.from(text, 'latin1');
      const { content, eightBit } = noticeFor(facts({ returned: { kind: 'headers', octets } }));
      assert.equal(eightBit, false);
      const { header, content: returned } = parseReport(content).returned;
      const encoded = header.get('Content-Transfer-Encoding') === 'quoted-printable';
      assert.equal(encoded ? unquoted(returned) : returned, octets.toString('latin1'));
      if (encoded) for (const line of returned.split('\r\n')) assert.ok(line.length <= 76);
    }),
    { numRuns: 500 },
  );
});
