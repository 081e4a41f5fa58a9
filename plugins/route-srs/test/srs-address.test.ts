import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { Mailbox, mailbox } from '@posthouse/core';
import fc from 'fast-check';
import { forwardAddress, readAddress, type SrsSettings } from '../src/srs-address.ts';

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 24, 12);
const settings: SrsSettings = {
  secrets: ['0123456789abcdef'],
  domain: 'srs.example',
  hashLength: 4,
  maxAge: 21,
};
const others: SrsSettings = { ...settings, secrets: ['another secret!!'], domain: 'second.example' };

function forward(sender: string, by = settings, now = NOW): string {
  return forwardAddress(mailbox(sender), by, now)?.toString() ?? 'not rewritten';
}
function read(address: string, by = settings, now = NOW): string {
  const reading = readAddress(mailbox(address).local, by, now);
  return reading.kind === 'original' ? reading.address.toString() : reading.kind;
}

test('a sender becomes SRS0 at our domain, and is read back', () => {
  const address = forward('Ann@outside.example');
  assert.match(address, /^SRS0=[A-Za-z0-9+/]{4}=[A-Z2-7]{2}=outside\.example=Ann@srs\.example$/);
  assert.equal(read(address), 'Ann@outside.example');
});

test('the stamp is the day in base32, and the hash HMAC-SHA1 over the small letters of stamp, domain and local part', () => {
  const hash = createHmac('sha1', '0123456789abcdef')
    .update('jnoutside.exampleann')
    .digest('base64')
    .slice(0, 4);
  // 20781 = 20 × 1024 + 9 × 32 + 13
  assert.equal(
    forward('Ann@outside.example', settings, 20_781 * DAY),
    `SRS0=${hash}=JN=outside.example=Ann@srs.example`,
  );
});

test('a sender that was rewritten elsewhere becomes SRS1, and again SRS1, and no longer each time', () => {
  const first = forward('ann@outside.example');
  const second = forward(first, others);
  assert.match(
    second,
    /^SRS1=[^=]{4}=srs\.example==[^=]{4}=[A-Z2-7]{2}=outside\.example=ann@second\.example$/,
  );
  assert.equal(read(second, others), first);
  const third = forward(second, { ...others, domain: 'third.example', secrets: ['a third secret!!'] });
  assert.match(third, /^SRS1=[^=]{4}=srs\.example==/);
  assert.equal(third.length - 'third.example'.length, second.length - 'second.example'.length);
  assert.equal(read(third, { ...others, secrets: ['a third secret!!'] }), first);
});

test('the separators of other writers are kept', () => {
  const second = forward('SRS0+abcd=AB=outside.example=ann@first.example');
  assert.match(second, /^SRS1=[^=]{4}=first\.example=\+abcd=AB=outside\.example=ann@srs\.example$/);
  assert.equal(read(second), 'SRS0+abcd=AB=outside.example=ann@first.example');
});

const unchanged: readonly (readonly [what: string, sender: string])[] = [
  ['an address literal', 'ann@[192.0.2.1]'],
  ['an address for which no local part has room', `${'a'.repeat(50)}@outside.example`],
];
for (const [what, sender] of unchanged) {
  test(`not rewritten: ${what}`, () => assert.equal(forward(sender), 'not rewritten'));
}

test('what somebody else wrote or changed is forged', () => {
  const good = forward('ann@outside.example');
  for (const forged of [
    good.replace('=ann@', '=bob@'),
    good.replace('outside', 'inside'),
    good.replace(/SRS0=..../, 'SRS0=AAAA'),
    good.replace(/SRS0=...../, 'SRS0==').replace('==', '=a='),
    'SRS0=@srs.example',
    'SRS0=a=b@srs.example',
    'SRS0=aaaa=AB=outside.example=@srs.example',
    'SRS1=aaaa=first.example=x@srs.example',
    'SRS1=aaaa=first.example==aaaa=AB=o.example=ann@srs.example',
    'SRS1=@srs.example',
  ])
    assert.equal(read(forged), 'forged', forged);
  assert.equal(read(good, others), 'forged');
  assert.equal(read('ann@srs.example'), 'other');
  assert.equal(read('SRS0@srs.example'), 'other');
});

test('case may change on the way', () => {
  assert.equal(read(forward('ann@outside.example').toLowerCase()), 'ann@outside.example');
  assert.equal(read(forward('ann@outside.example').toUpperCase()), 'ANN@outside.example');
});

test('a bounce is believed as long as it may be, also where the count of days begins anew', () => {
  const wrap = 1024 * 20 * DAY;
  for (const written of [NOW, wrap - DAY, wrap - 10 * DAY, wrap, 0]) {
    const address = forward('ann@outside.example', settings, written);
    assert.equal(read(address, settings, written + 21 * DAY), 'ann@outside.example');
    assert.equal(read(address, settings, written + 22 * DAY), 'expired');
    assert.equal(read(address, settings, written + 500 * DAY), 'expired');
    // From the future: the same as from long ago.
    assert.equal(read(address, settings, written + 1022 * DAY), 'expired');
  }
});

test('every secret reads, the first one writes', () => {
  const before = forward('ann@outside.example');
  const rotated = { ...settings, secrets: ['a new secret 123', ...settings.secrets] };
  assert.equal(read(before, rotated), 'ann@outside.example');
  const after = forward('ann@outside.example', rotated);
  assert.notEqual(after, before);
  assert.equal(read(after, { ...settings, secrets: ['a new secret 123'] }), 'ann@outside.example');
  assert.equal(read(before, { ...settings, secrets: ['a new secret 123'] }), 'forged');
});

test('a longer hash is read with a shorter setting, a shorter one is forged with a longer', () => {
  const long = { ...settings, hashLength: 8 };
  assert.equal(read(forward('ann@outside.example', long)), 'ann@outside.example');
  assert.equal(read(forward('ann@outside.example'), long), 'forged');
});

test('whatever the sender, what is written is read back, and no change of a letter is', () => {
  const locals = fc.string({ minLength: 1, maxLength: 20, unit: fc.constantFrom(...'aZ0.+-=_" \\@ä') });
  fc.assert(
    fc.property(locals, fc.nat(40_000), fc.nat(63), (local, day, at) => {
      const sender = new Mailbox(local, 'outside.example');
      const written = forwardAddress(sender, settings, day * DAY);
      if (written === undefined) return;
      const reading = readAddress(written.local, settings, day * DAY);
      if (/^SRS[01][-+=]/i.test(local)) return;
      assert.equal(reading.kind === 'original' && reading.address.equals(sender), true);
      const letters = [...written.local];
      const place = 5 + (at % (letters.length - 5));
      if (letters[place]?.toLowerCase() === 'x') return;
      letters[place] = 'x';
      assert.equal(readAddress(letters.join(''), settings, day * DAY).kind, 'forged');
    }),
  );
});

test('nonsense is forged or no SRS address, and nothing is thrown', () => {
  fc.assert(
    fc.property(fc.string(), fc.constantFrom('SRS0=', 'SRS1=', 'srs0+', ''), (text, scheme) => {
      assert.ok(['forged', 'other'].includes(readAddress(scheme + text, settings, NOW).kind));
    }),
  );
});
