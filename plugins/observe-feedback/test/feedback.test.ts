// The parser: what reports say, and that nothing that a stranger writes can throw or take long.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Mailbox } from '@posthouse/core';
import fc from 'fast-check';
import { type Feedback, parseFeedback } from '../src/feedback.ts';
import { MOST_OCTETS } from '../src/mime-parts.ts';
import { ARF, EXIM, GLOBAL, NESTED, ORDINARY, POSTFIX } from './samples.ts';

/** With addresses as text. */
function read(message: Uint8Array): unknown {
  return JSON.parse(JSON.stringify(parseFeedback(message) ?? null));
}

describe('a delivery status notification', () => {
  it('names its recipients, what became of them and the message', () => {
    assert.deepEqual(read(POSTFIX), {
      kind: 'bounce',
      recipients: [
        {
          address: 'ann@b.example',
          original: 'ann+list@b.example',
          action: 'failed',
          status: '5.1.1',
          diagnostic:
            '550 5.1.1 <ann@b.example>: Recipient address rejected: User unknown in virtual mailbox table',
          remoteMta: 'mail.b.example',
        },
        { address: 'bob@b.example', action: 'delayed', status: '4.2.2', diagnostic: '452 4.2.2 over quota' },
      ],
      reportingMta: 'mx.b.example',
      about: { messageId: '<m1@lists.example>', returnPath: 'bounces@lists.example' },
    });
  });

  it('may have addresses in UTF-8, and come in base64', () => {
    assert.deepEqual(read(GLOBAL), {
      kind: 'bounce',
      recipients: [{ address: 'éve@b.example', action: 'failed', status: '5.1.1' }],
      reportingMta: 'mx.b.example',
      about: { messageId: '<m2@lists.example>' },
    });
  });

  it('may lie deeper, without fields of the message, and with comments everywhere', () => {
    assert.deepEqual(read(NESTED), {
      kind: 'bounce',
      recipients: [
        {
          address: 'ann@b.example',
          action: 'failed',
          status: '5.1.10',
          diagnostic: '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found',
        },
      ],
      about: {},
    });
  });

  it('is read with bare line feeds as well', () => {
    const plain = Buffer.from(POSTFIX.toString('utf8').replaceAll('\r\n', '\n'));
    assert.deepEqual(read(plain), read(POSTFIX));
  });

  it('that was cut off is read as far as it goes', () => {
    const cut = POSTFIX.subarray(0, POSTFIX.indexOf('Final-Recipient: rfc822; bob'));
    const feedback = parseFeedback(cut);
    assert.equal(feedback?.kind === 'bounce' && feedback.recipients.length, 1);
  });

  it('without an address that can be read is none', () => {
    assert.equal(
      parseFeedback(Buffer.from(POSTFIX.toString().replace(/rfc822; ?\S+/g, 'rfc822; nobody'))),
      undefined,
    );
  });
});

it('a complaint names its type, who complained and about what', () => {
  assert.deepEqual(read(ARF), {
    kind: 'complaint',
    type: 'abuse',
    recipients: ['ann@b.example', 'bob@b.example'],
    reporter: 'SomeGenerator/1.0',
    sourceIp: '192.0.2.1',
    about: { messageId: '<m3@lists.example>', returnPath: 'bounces@lists.example' },
  });
});

it('X-Failed-Recipients names recipients, and the text says why', () => {
  assert.deepEqual(read(EXIM), {
    kind: 'bounce',
    recipients: ['ann@b.example', 'bob@b.example'].map((address) => ({
      address,
      action: 'failed',
      status: '5.1.1',
      diagnostic: '550 5.1.1 No such user here',
    })),
    about: {},
  });
});

it('ordinary mail is no feedback, whatever stands in its text', () => {
  assert.equal(parseFeedback(ORDINARY), undefined);
  assert.equal(parseFeedback(Buffer.alloc(0)), undefined);
});

const WORDS = [
  '\r\n',
  '\n',
  '\r\n\r\n',
  ' ',
  '\t',
  ';',
  ':',
  '"',
  '=',
  '--',
  '--b',
  '--b--',
  '--b\r\n',
  'boundary=b',
  'boundary="b"',
  'Content-Type: multipart/report; boundary=b\r\n\r\n',
  'Content-Type: message/delivery-status\r\n\r\n',
  'Content-Type: message/feedback-report\r\n\r\n',
  'Content-Type: message/rfc822\r\n\r\n',
  'Content-Transfer-Encoding: base64\r\n',
  'Content-Transfer-Encoding: quoted-printable\r\n',
  'X-Failed-Recipients: ',
  'Final-Recipient: rfc822; ',
  'Final-Recipient: utf-8; ',
  'Original-Rcpt-To: ',
  'Action: failed\r\n',
  'Status: 5.1.1\r\n',
  'Diagnostic-Code: smtp; ',
  'Message-ID: <',
  'Return-Path: <',
  'Feedback-Type: abuse\r\n',
  'ann@b.example',
  '<ann@b.example>',
  '\\x{E9}',
  '=E9=',
  'é',
  '\ufffd',
  '\0',
  '550 ',
  '(',
  ')',
  ',',
] as const;

const anything = fc.oneof(
  fc.uint8Array({ maxLength: 2000 }),
  fc
    .array(fc.oneof(fc.constantFrom(...WORDS), fc.string({ maxLength: 8 })), { maxLength: 200 })
    .map((words) => Buffer.from(words.join(''))),
  // A real report with something put in and something cut out.
  fc
    .tuple(
      fc.constantFrom(POSTFIX, GLOBAL, ARF, EXIM, NESTED),
      fc.nat(2000),
      fc.nat(60),
      fc.constantFrom(...WORDS),
    )
    .map(([sample, at, gone, word]) =>
      Buffer.concat([sample.subarray(0, at), Buffer.from(word), sample.subarray(at + gone)]),
    ),
);

function textsOf(feedback: Feedback): readonly string[] {
  return JSON.stringify(feedback) === undefined ? [] : Object.values(flat(feedback));
}

function flat(value: unknown, into: Record<string, string> = {}, path = ''): Record<string, string> {
  if (typeof value === 'string') into[path] = value;
  else if (typeof value === 'object' && value !== null && !(value instanceof Mailbox))
    for (const [key, inner] of Object.entries(value)) flat(inner, into, `${path}.${key}`);
  return into;
}

it('whatever comes, it is feedback of bounded size on single lines, or none', () => {
  fc.assert(
    fc.property(anything, (message) => {
      const feedback = parseFeedback(message);
      if (feedback === undefined) return;
      assert.ok(feedback.recipients.length <= 100);
      for (const text of textsOf(feedback)) {
        assert.ok(text.length <= 500);
        assert.doesNotMatch(text, /[\p{Cc}\p{Zl}\p{Zp}]/u);
      }
    }),
    { numRuns: 2000 },
  );
});

it('a large message costs no more than its beginning, however its parts nest', () => {
  const nested = Array.from(
    { length: 3000 },
    (_, index) => `--b${index}\r\nContent-Type: multipart/mixed; boundary=b${index + 1}\r\n\r\n`,
  );
  const bombs = [
    `Content-Type: multipart/mixed; boundary=b0\r\n\r\n${nested.join('')}`,
    `Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--b\r\n\r\n'.repeat(100_000)}`,
    `Content-Type: message/delivery-status\r\n\r\n${'Final-Recipient: rfc822; ann@b.example\r\n\r\n'.repeat(50_000)}`,
    `X-Failed-Recipients: ${'ann@b.example,'.repeat(100_000)}`,
    `${'a: b\r\n'.repeat(200_000)}\r\n`,
    `Content-Type: a${';a="'.repeat(100_000)}`,
    'x'.repeat(4 * MOST_OCTETS),
  ];
  for (const bomb of bombs) {
    const feedback = parseFeedback(Buffer.from(bomb));
    assert.ok(feedback === undefined || feedback.recipients.length <= 100);
  }
});
