import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deferralOfRefusal, outcomeOfReply } from '../../src/client/outcome-of-reply.ts';
import type { Outcome } from '../../src/contract/index.ts';
import { type RecipientResult, reply } from '../../src/smtp/index.ts';

type Status = Parameters<typeof reply>[1];

const rows: readonly (readonly [number, Status, RecipientResult['during'], string])[] = [
  [250, '2.0.0', 'message', 'delivered'],
  [250, undefined, 'message', 'delivered'],
  [421, undefined, 'message', 'deferred 4.3.2'],
  [421, '4.7.0', 'message', 'deferred 4.7.0'],
  [450, undefined, 'rcpt', 'deferred 4.2.0'],
  [450, undefined, 'mail', 'deferred 4.0.0'],
  [451, undefined, 'data', 'deferred 4.3.0'],
  [452, undefined, 'rcpt', 'deferred 4.5.3'],
  [452, undefined, 'mail', 'deferred 4.3.1'],
  [499, undefined, 'mail', 'deferred 4.0.0'],
  [450, '4.2.2', 'rcpt', 'deferred 4.2.2'],
  [552, undefined, 'rcpt', 'deferred 4.5.3'],
  [552, '5.5.3', 'rcpt', 'deferred 4.5.3'],
  [552, '5.2.2', 'rcpt', 'failed 5.2.2'],
  [552, undefined, 'mail', 'failed 5.3.4'],
  [500, undefined, 'mail', 'failed 5.5.2'],
  [501, undefined, 'mail', 'failed 5.1.7'],
  [501, undefined, 'rcpt', 'failed 5.1.3'],
  [501, undefined, 'data', 'failed 5.5.4'],
  [530, undefined, 'mail', 'failed 5.7.0'],
  [550, undefined, 'rcpt', 'failed 5.1.1'],
  [550, undefined, 'mail', 'failed 5.7.1'],
  [550, undefined, 'message', 'failed 5.7.1'],
  [550, '5.7.26', 'message', 'failed 5.7.26'],
  [551, undefined, 'rcpt', 'failed 5.1.6'],
  [553, undefined, 'rcpt', 'failed 5.1.3'],
  [553, undefined, 'mail', 'failed 5.1.7'],
  [554, undefined, 'message', 'failed 5.0.0'],
  [556, undefined, 'rcpt', 'failed 5.1.10'],
  [599, undefined, 'rcpt', 'failed 5.0.0'],
  [552, '5.3.4', 'local', 'failed 5.3.4'],
];
for (const [code, status, during, expected] of rows) {
  test(`${code}${status === undefined ? '' : ` ${status}`} during ${during} is ${expected}`, () => {
    assert.equal(kind(outcomeOfReply(reply(code, status, 'words'), during, 'mx.b.example')), expected);
  });
}

test("our own refusal is nobody else's words", () => {
  assert.deepEqual(outcomeOfReply(reply(552, '5.3.4', 'too big'), 'local', 'mx.b.example'), {
    kind: 'failed',
    status: '5.3.4',
    text: 'too big',
  });
});

test('a long reply is cut', () => {
  const outcome = outcomeOfReply(reply(250, undefined, 'x'.repeat(5000)), 'message', 'mx.b.example');
  assert.equal(outcome.kind === 'delivered' && outcome.text?.length, 1001);
});

test('the refusal of a connection makes the destination wait, whatever its code', () => {
  assert.deepEqual(deferralOfRefusal(reply(554, '5.7.1', 'go away'), 'mx.b.example'), {
    kind: 'deferred',
    status: '4.3.2',
    text: 'mx.b.example said: 554 5.7.1 go away',
    remote: { host: 'mx.b.example', reply: '554 5.7.1 go away' },
    scope: 'destination',
  });
});

function kind(outcome: Outcome): string {
  return 'status' in outcome ? `${outcome.kind} ${outcome.status}` : outcome.kind;
}
