// Return addresses that name their recipient.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { mailbox } from '@posthouse/core';
import fc from 'fast-check';
import { readVerp, verpAddress } from '../src/verp.ts';

const settings = {
  prefix: 'bounces',
  domain: 'lists.example',
  secrets: ['0123456789abcdef', 'an older secret!'],
};
const ann = mailbox('ann.x+y@b.example');

it('an address is read back, whatever becomes of its case, and with an older secret', () => {
  for (const secret of settings.secrets) {
    const written = verpAddress(ann, { ...settings, secrets: [secret] });
    assert.match(written.toString(), /^bounces\+[a-z2-7]{10}=ann\.x\+y=b\.example@lists\.example$/);
    for (const local of [written.local, written.local.toUpperCase()]) {
      const reading = readVerp(mailbox(`${local}@lists.example`), settings);
      assert.ok(reading?.kind === 'recipient' && reading.verified);
      assert.equal(reading.recipient.toString().toLowerCase(), 'ann.x+y@b.example');
    }
  }
});

it('what was not written by us is forged; other addresses are none of ours', () => {
  const other = verpAddress(ann, { ...settings, secrets: ['somebody else’s secret'] });
  const rows = [
    [other.toString(), 'forged'],
    ['bounces+ann=b.example@lists.example', 'forged'],
    ['bounces+@lists.example', 'forged'],
    ['bounces@lists.example', 'plain'],
    ['Bounces@lists.example', 'plain'],
    ['bouncesx@lists.example', undefined],
    ['bounces-ann=b.example@lists.example', undefined],
    ['bounces@other.example', undefined],
  ] as const;
  for (const [address, kind] of rows) assert.equal(readVerp(mailbox(address), settings)?.kind, kind, address);
});

it('without secrets an address is read and nothing is verified', () => {
  const open = { ...settings, secrets: [] };
  const written = verpAddress(ann, open);
  assert.equal(written.toString(), 'bounces+ann.x+y=b.example@lists.example');
  assert.deepEqual(readVerp(written, open), { kind: 'recipient', recipient: ann, verified: false });
});

it('a local part that would be too long is refused (RFC 5321 §4.5.3.1.1)', () => {
  assert.throws(() => verpAddress(mailbox(`${'a'.repeat(50)}@b.example`), settings), /no room/);
});

it('no changed octet goes unnoticed', () => {
  const { local } = verpAddress(ann, settings);
  fc.assert(
    fc.property(
      fc.integer({ min: 8, max: local.length - 1 }),
      fc.constantFrom(...'abcxyz234'),
      (at, letter) => {
        const changed = `${local.slice(0, at)}${letter}${local.slice(at + 1)}`;
        const reading = readVerp(mailbox(`${changed}@lists.example`), settings);
        assert.equal(reading?.kind, changed === local ? 'recipient' : 'forged');
      },
    ),
  );
});
