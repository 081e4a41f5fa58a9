// The classifier against what mail servers and providers say, and against what statuses say alone.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { outcomeOfReply } from '../../src/client/outcome-of-reply.ts';
import { BOUNCE_CLASSES, type Bounced } from '../../src/contract/index.ts';
import { classify } from '../../src/delivery/bounce-table.ts';
import type { Reply } from '../../src/smtp/index.ts';
import { REPLIES } from './bounce-replies.ts';

function bouncedBy(during: 'mail' | 'rcpt' | 'message', line: string): Bounced {
  const [, code, status, text] = /^(\d{3})[ -](?:([245]\.\d{1,3}\.\d{1,3}) )?(.*)$/.exec(
    line,
  ) as RegExpExecArray;
  const reply = { code: Number(code), status, lines: [text] } as Reply;
  return outcomeOfReply(reply, during, 'mx.b.example') as Bounced;
}

describe('the classifier', () => {
  for (const [expected, during, line] of REPLIES) {
    it(`takes \`${line.slice(0, 100)}\` for ${expected}`, () => {
      assert.equal(classify(bouncedBy(during, line)), expected);
    });
  }

  it('goes by the status alone where the trouble is of our own finding', () => {
    const rows = [
      ['5.1.10', 'no-domain'],
      ['5.1.2', 'no-domain'],
      ['4.4.1', 'connection'],
      ['4.4.2', 'connection'],
      ['4.4.3', 'dns'],
      ['4.4.4', 'routing'],
      ['5.4.6', 'routing'],
      ['5.3.4', 'content'],
      ['5.6.7', 'protocol'],
      ['4.7.4', 'tls'],
      ['4.7.5', 'tls'],
      ['4.7.8', 'authentication'],
      ['4.3.0', 'system'],
      ['4.0.0', 'other'],
      ['5.9.9', 'other'],
    ] as const;
    for (const [status, expected] of rows) {
      const bounced = { kind: 'deferred', status, text: 'spam, quota and greylisting' } as const;
      assert.equal(classify(bounced), expected, status);
    }
  });

  it('does not read addresses, which anybody can choose', () => {
    const line = '550 5.1.1 <spamhaus-quota@greylisted.example> virus@rate-limit.example: who?';
    assert.equal(classify(bouncedBy('rcpt', line)), 'no-mailbox');
  });

  it('gives a class to anything', () => {
    const words = fc.oneof(
      fc.string({ maxLength: 3000, unit: 'binary' }),
      fc.constantFrom('a'.repeat(5000), 'user '.repeat(1000), '<'.repeat(3000), 'x@'.repeat(1500)),
    );
    fc.assert(
      fc.property(words, (text) => {
        const remote = { host: 'mx.b.example', reply: `550 ${text}` };
        assert.ok(classify({ kind: 'failed', status: '5.0.0', text, remote }) in BOUNCE_CLASSES);
      }),
    );
  });
});
