// Mixed answers for one message: the one stated rule as a table.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RecipientVerdict, Verdict } from '../../src/contract/index.ts';
import type { Ruling } from '../../src/hooks/index.ts';
import { dispositionForEach, dispositionOf } from '../../src/intake/disposition.ts';
import { type Mailbox, mailbox } from '../../src/smtp/index.ts';

const RECIPIENTS = ['a@x.example', 'b@x.example'].map((address) => ({
  address: mailbox(address),
  parameters: {},
}));

const VERDICTS = {
  accept: Verdict.accept(),
  reject: Verdict.reject('5.7.1', 'No'),
  defer: Verdict.defer('4.7.1', 'Later'),
  disconnect: Verdict.disconnect('Go'),
  discard: Verdict.discard('spam'),
  quarantine: Verdict.quarantine('odd'),
} as const;
type Word = keyof typeof VERDICTS;

/** `-`: nothing was said of this recipient alone. */
const TABLE: readonly (readonly [
  message: Word,
  first: Word | '-',
  second: Word | '-',
  stranger: string,
  user?: string,
])[] = [
  ['accept', '-', '-', 'queue queue'],
  ['reject', '-', '-', 'refuse reject'],
  ['defer', '-', '-', 'refuse defer'],
  ['disconnect', '-', '-', 'refuse disconnect'],
  ['discard', '-', '-', 'drop drop'],
  ['quarantine', '-', '-', 'hold hold'],
  // All alike: that reply.
  ['accept', 'reject', 'reject', 'refuse reject'],
  ['accept', 'defer', 'defer', 'refuse defer'],
  ['accept', 'discard', 'discard', 'drop drop'],
  ['accept', 'quarantine', 'quarantine', 'hold hold'],
  // Some accepted: 250, and no backscatter where nobody is authenticated.
  ['accept', 'reject', '-', 'hold queue', 'bounce queue'],
  ['accept', '-', 'reject', 'queue hold', 'queue bounce'],
  ['accept', 'discard', '-', 'drop queue'],
  ['accept', 'quarantine', '-', 'hold queue'],
  ['accept', 'discard', 'reject', 'drop hold', 'drop bounce'],
  // A deferral of one defers all.
  ['accept', 'defer', '-', 'refuse defer'],
  ['accept', 'defer', 'reject', 'refuse defer'],
  // The answer for the message holds for those of whom nothing was said.
  ['discard', 'reject', '-', 'hold drop', 'bounce drop'],
  ['quarantine', 'discard', '-', 'drop hold'],
  // A veto of the whole message stands, whatever was said of one.
  ['reject', 'discard', '-', 'refuse reject'],
  ['reject', 'quarantine', 'quarantine', 'refuse reject'],
  ['defer', 'reject', 'reject', 'refuse defer'],
  ['disconnect', 'reject', '-', 'refuse disconnect'],
];

const ruling = (word: Word): Ruling => ({ verdict: VERDICTS[word], plugin: `says-${word}` });

/** Undefined where nothing was said of single recipients. */
function sayingOf(...words: readonly (Word | '-')[]): ReadonlyMap<Mailbox, Ruling> | undefined {
  const said = words.flatMap((word, index) => {
    const recipient = RECIPIENTS[index]?.address;
    return word === '-' || recipient === undefined ? [] : [[recipient, ruling(word)] as const];
  });
  return said.length > 0 ? new Map(said) : undefined;
}

for (const [message, first, second, stranger, user = stranger] of TABLE) {
  test(`${message} for the message, ${first} and ${second} for its recipients: ${stranger}, of a user ${user}`, () => {
    const perRecipient = sayingOf(first, second);
    for (const [authenticated, expected] of [
      [false, stranger],
      [true, user],
    ] as const) {
      const disposition = dispositionOf(RECIPIENTS, ruling(message), perRecipient, authenticated);
      const found =
        disposition.kind === 'refuse'
          ? `refuse ${disposition.verdict.kind}`
          : disposition.fates.map(({ fate }) => fate.kind).join(' ');
      assert.equal(found, expected);
    }
  });
}

/** LMTP: the third column is what becomes of the message or of each recipient. */
const TABLE_FOR_EACH: readonly (readonly [
  message: Word,
  first: Word | '-',
  second: Word | '-',
  fates: string,
])[] = [
  ['accept', '-', '-', 'queue queue'],
  ['reject', '-', '-', 'refuse reject'],
  ['defer', '-', '-', 'refuse defer'],
  ['disconnect', '-', '-', 'refuse disconnect'],
  ['discard', '-', '-', 'drop drop'],
  ['quarantine', '-', '-', 'hold hold'],
  // Nobody's answer depends on another's, and nothing is bounced or held for who hears no.
  ['accept', 'reject', '-', 'refuse:reject queue'],
  ['accept', '-', 'reject', 'queue refuse:reject'],
  ['accept', 'defer', '-', 'refuse:defer queue'],
  ['accept', 'defer', 'reject', 'refuse:defer refuse:reject'],
  ['accept', 'reject', 'reject', 'refuse:reject refuse:reject'],
  ['accept', 'discard', '-', 'drop queue'],
  ['accept', 'quarantine', '-', 'hold queue'],
  ['accept', 'discard', 'reject', 'drop refuse:reject'],
  ['accept', 'quarantine', 'defer', 'hold refuse:defer'],
  ['accept', 'accept', 'accept', 'queue queue'],
  // The answer for the message holds for those of whom nothing was said.
  ['discard', 'reject', '-', 'refuse:reject drop'],
  ['discard', 'accept', '-', 'queue drop'],
  ['quarantine', 'discard', '-', 'drop hold'],
  ['quarantine', 'defer', '-', 'refuse:defer hold'],
  // A veto of the whole message stands, whatever was said of one.
  ['reject', 'discard', '-', 'refuse reject'],
  ['reject', 'accept', 'accept', 'refuse reject'],
  ['defer', 'reject', 'reject', 'refuse defer'],
  ['disconnect', 'reject', '-', 'refuse disconnect'],
  // The end of the connection is the end for all.
  ['accept', 'disconnect', '-', 'refuse disconnect'],
  ['accept', 'reject', 'disconnect', 'refuse disconnect'],
];

for (const [message, first, second, expected] of TABLE_FOR_EACH) {
  test(`by LMTP ${message} for the message, ${first} and ${second} for its recipients: ${expected}`, () => {
    const perRecipient = sayingOf(first, second);
    const disposition = dispositionForEach(RECIPIENTS, ruling(message), perRecipient);
    const found =
      disposition.kind === 'refuse'
        ? `refuse ${disposition.verdict.kind}`
        : disposition.fates
            .map(({ fate }) => (fate.kind === 'refuse' ? `refuse:${fate.verdict.kind}` : fate.kind))
            .join(' ');
    assert.equal(found, expected);
    if (disposition.kind === 'keep')
      assert.deepEqual(
        disposition.fates.map(({ recipient }) => recipient),
        RECIPIENTS,
        'in the order of RCPT',
      );
  });
}

test('a bounce keeps the status and words of its veto, and whose they were', () => {
  const [a] = RECIPIENTS;
  const verdict: RecipientVerdict = VERDICTS.reject;
  const perRecipient = new Map([[a?.address ?? mailbox('a@x.example'), { verdict, plugin: 'check-x' }]]);
  const disposition = dispositionOf(RECIPIENTS, ruling('accept'), perRecipient, true);
  assert.deepEqual(disposition.kind === 'keep' && disposition.fates[0]?.fate, {
    kind: 'bounce',
    plugin: 'check-x',
    verdict,
  });
});
