// The bounce as its reader gets it: sent through the queue and taken apart again by a reader of its own.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Outcome } from '../../src/contract/index.ts';
import { unquoted } from './report-parser.ts';
import { type PutOptions, room, script } from './scripted-room.ts';

const delivered = Outcome.delivered();

interface Part {
  readonly fields: ReadonlyMap<string, readonly string[]>;
  readonly body: string;
}

/** Fields of a header or of a group, unfolded. Every line must be a field or the continuation of one. */
function fieldsOf(section: string): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  for (const line of section.replace(/\r\n[ \t]+/g, ' ').split('\r\n')) {
    const field = /^([!-9;-~]+):[ \t]*(.*)$/.exec(line);
    assert.ok(field, `not a field: ${JSON.stringify(line)}`);
    const [, name = '', value = ''] = field;
    fields.set(name.toLowerCase(), [...(fields.get(name.toLowerCase()) ?? []), value]);
  }
  return fields;
}

function part(text: string): Part {
  const end = text.indexOf('\r\n\r\n');
  return { fields: fieldsOf(text.slice(0, end)), body: text.slice(end + 4) };
}

function one(fields: ReadonlyMap<string, readonly string[]>, name: string): string {
  const values = fields.get(name) ?? [];
  assert.equal(values.length, 1, `${name}: ${JSON.stringify(values)}`);
  return values[0] as string;
}

interface Report {
  readonly octets: string;
  readonly top: Part;
  readonly parts: readonly Part[];
  readonly message: ReadonlyMap<string, readonly string[]>;
  readonly groups: readonly ReadonlyMap<string, readonly string[]>[];
}

/** RFC 2046 §5.1.1, to the letter as far as a report needs it. */
function read(octets: string): Report {
  const top = part(octets);
  const boundary = /boundary="([^"]+)"/.exec(one(top.fields, 'content-type'))?.[1] ?? '';
  const [, ...rest] = `\r\n${top.body}`.split(`\r\n--${boundary}`);
  const last = rest.pop();
  assert.match(last ?? '', /^--\r\n/);
  const parts = rest.map((text) => {
    assert.ok(text.startsWith('\r\n'));
    return part(text.slice(2));
  });
  const groups = (parts[1]?.body ?? '')
    .replace(/(\r\n)+$/, '')
    .split('\r\n\r\n')
    .map(fieldsOf);
  return { octets, top, parts, message: groups[0] as ReadonlyMap<string, string[]>, groups: groups.slice(1) };
}

async function bounceOf(
  outcome: Outcome,
  put: PutOptions = {},
  recipients = ['b@example.org'],
): Promise<Report> {
  let octets = '';
  const far = script([
    async ({ sender, message }) => {
      if (sender !== null || put.sender === '') return outcome;
      for await (const chunk of message.open()) octets += Buffer.from(chunk).toString('latin1');
      return delivered;
    },
  ]);
  const r = room({ far });
  r.scheduler.start();
  await r.put(recipients, put);
  await r.settled();
  assert.notEqual(octets, '', JSON.stringify([r.log.lines, r.events.all.slice(-3)]));
  for (const line of octets.split('\r\n')) {
    assert.ok(line.length <= 998, `a line of ${line.length} octets`);
    assert.ok(!/[\r\n]/.test(line));
  }
  return read(octets);
}

const utf8 = (latin1: string): string => Buffer.from(latin1, 'latin1').toString('utf8');
const HEAD = 'Received: from client\r\n\tby mx.example.org\r\n';

describe('a bounce', () => {
  test('is a report of three parts that says what happened', async () => {
    const remote = { host: 'mail.example.org', reply: '550 5.1.1 <b@example.org>: no such user' };
    const orcpt = { type: 'rfc822', address: 'list+tag@example.org' };
    const { top, parts, message, groups } = await bounceOf(Outcome.failed('5.1.1', 'No such user', remote), {
      message: { parameters: { envid: 'QQ+314=59' } },
      each: () => ({ parameters: { orcpt } }),
    });
    assert.equal(one(top.fields, 'to'), '<author@example.net>');
    assert.equal(one(top.fields, 'in-reply-to'), '<m1@example.net>');
    assert.equal(one(top.fields, 'auto-submitted'), 'auto-replied');
    assert.match(
      one(top.fields, 'content-type'),
      /^multipart\/report; report-type=delivery-status; boundary=/,
    );
    assert.equal(parts.length, 3);
    assert.deepEqual(
      parts.map(({ fields }) => one(fields, 'content-type').split(';')[0]),
      ['text/plain', 'message/delivery-status', 'text/rfc822-headers'],
    );
    assert.equal(one(message, 'reporting-mta'), 'dns; mx.example.org');
    // RFC 3461 §4.2 and §4.4: the values as they were before xtext.
    assert.equal(one(message, 'original-envelope-id'), 'QQ+314=59');
    assert.equal(groups.length, 1);
    const group = groups[0] as ReadonlyMap<string, string[]>;
    assert.match(one(group, 'original-recipient'), /^rfc822; ?list\+tag@example\.org$/);
    assert.equal(one(group, 'final-recipient'), 'rfc822; b@example.org');
    assert.equal(one(group, 'action'), 'failed');
    assert.equal(one(group, 'status'), '5.1.1');
    assert.equal(one(group, 'remote-mta'), 'dns; mail.example.org');
    assert.equal(one(group, 'diagnostic-code'), `smtp; ${remote.reply}`);
    assert.equal(parts[2]?.body.trimEnd(), `${HEAD}Subject: hello\r\nMessage-ID: <m1@example.net>`);
  });

  test('names every recipient that failed, and only those who are to be told', async () => {
    const { groups } = await bounceOf(
      Outcome.failed('5.7.1', 'Refused'),
      { each: (address) => (address.startsWith('c') ? { parameters: { notify: ['NEVER'] } } : {}) },
      ['a@example.org', 'b@example.org', 'c@example.org'],
    );
    assert.deepEqual(
      groups.map((group) => one(group, 'final-recipient')),
      ['rfc822; a@example.org', 'rfc822; b@example.org'],
    );
  });

  const hostile = [
    'x\r\nAction: delivered\r\n\r\nFinal-Recipient: rfc822; evil@example.org',
    'x\n\nBcc: evil@example.org',
    'x\r\n--=_boundary\r\nContent-Type: text/html\r\n\r\n<b>',
    'x\u2028Action: delivered\u2029y\u0085z\0',
    'a'.repeat(5000),
    `${'€'.repeat(3000)}`,
    `a${' '.repeat(2000)}b`,
    '\ud800 lone \udfff',
    '',
    '   ',
  ];
  for (const text of hostile) {
    test(`adds no field and no part for ${JSON.stringify(text.slice(0, 30))}`, async () => {
      const report = await bounceOf(Outcome.failed('5.0.0', text, { host: text, reply: text }), {
        message: { parameters: { envid: text } },
        each: () => ({ parameters: { orcpt: { type: 'rfc822', address: text } } }),
      });
      assert.equal(report.parts.length, 3);
      assert.equal(report.groups.length, 1);
      assert.deepEqual([...(report.groups[0] as ReadonlyMap<string, string[]>).keys()].sort(), [
        'action',
        'diagnostic-code',
        'final-recipient',
        'last-attempt-date',
        'original-recipient',
        'remote-mta',
        'status',
      ]);
      assert.equal(one(report.groups[0] as ReadonlyMap<string, string[]>, 'action'), 'failed');
      // RFC 3464 §2.1: message/delivery-status is US-ASCII; message/global-delivery-status is not (RFC 6533 §3).
      const global = one((report.parts[1] as Part).fields, 'content-type').startsWith('message/global');
      assert.ok(global || !/[^\0-\x7f]/.test(report.parts[1]?.body ?? ''), report.parts[1]?.body);
      // A folded line of nothing but white space would end the section for some readers.
      for (const line of (report.parts[1]?.body ?? '').split('\r\n'))
        assert.ok(line === '' || line.trim() !== '');
    });
    test(`and none when the local diagnosis is ${JSON.stringify(text.slice(0, 30))}`, async () => {
      const report = await bounceOf(Outcome.failed('5.0.0', text));
      assert.equal(report.parts.length, 3);
      assert.equal(report.groups.length, 1);
    });
  }

  test('returns the header octet for octet, 8-bit octets too, and nothing of the body', async () => {
    const header = 'Subject: caf\xe9 \xff\x80\r\nX-Folded: a\r\n\t b\r\nNo colon here\r\n';
    const { parts } = await bounceOf(Outcome.failed('5.1.1', 'x'), { content: `${header}\r\nsecret\r\n` });
    const { fields, body } = parts[2] as Part;
    // RFC 6522 §4: so that the bounce needs no 8BITMIME on its way.
    assert.equal(one(fields, 'content-transfer-encoding'), 'quoted-printable');
    assert.match(one(fields, 'content-description'), /^Header in quoted-printable, /);
    const read = unquoted(body);
    assert.ok(read.startsWith(HEAD + header) || read === (HEAD + header).slice(0, -2), read);
    assert.ok(!read.includes('secret'));
  });

  for (const [what, content] of [
    ['no header', '\r\nbody\r\n'],
    ['nothing at all', ''],
    ['a header without an end', 'Subject: x\r\nX: y\r\n'],
    ['a header without even a line end', 'Subject: x'],
  ] as const) {
    test(`of a message with ${what} is a report as well`, async () => {
      const { parts } = await bounceOf(Outcome.failed('5.1.1', 'x'), { content });
      assert.equal(parts.length, 3);
    });
  }

  test('returns a long header only in part, at the end of a line', async () => {
    const content = `${`X-Long: ${'y'.repeat(70)}\r\n`.repeat(5000)}\r\nbody\r\n`;
    const { octets, parts } = await bounceOf(Outcome.failed('5.1.1', 'x'), { content });
    assert.ok(octets.length < 80_000, `${octets.length} octets`);
    for (const line of (parts[2]?.body ?? '').trimEnd().split('\r\n').slice(2))
      assert.equal(line, `X-Long: ${'y'.repeat(70)}`);
  });

  test('quotes only one well-formed Message-ID', async () => {
    const content = 'Message-ID:\r\n <a@b>, <evil@x>\r\nSubject: Message-ID: <no@no>\r\n\r\n';
    const { top } = await bounceOf(Outcome.failed('5.1.1', 'x'), { content });
    assert.equal(one(top.fields, 'in-reply-to'), '<a@b>');
  });

  test('to or about addresses in UTF-8 is a global report', async () => {
    const { parts, groups, top } = await bounceOf(
      Outcome.failed('5.1.1', 'Köln sagt nein'),
      {
        sender: 'jörg@example.net',
        each: () => ({ parameters: { orcpt: { type: 'utf-8', address: 'bär@example.org' } } }),
      },
      ['bär@example.org'],
    );
    assert.equal(utf8(one(top.fields, 'to')), '<jörg@example.net>');
    assert.deepEqual(
      parts.map(({ fields }) => one(fields, 'content-type').split(';')[0]),
      ['text/plain', 'message/global-delivery-status', 'text/rfc822-headers'],
    );
    const group = groups[0] as ReadonlyMap<string, string[]>;
    assert.equal(utf8(one(group, 'final-recipient')), 'utf-8; bär@example.org');
    assert.match(utf8(one(group, 'original-recipient')), /^utf-8; ?b(ä|\\x\{E4\})r@example\.org$/);
  });
});
