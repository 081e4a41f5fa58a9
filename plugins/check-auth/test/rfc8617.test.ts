// The example of RFC 8617 appendix B: a message that a list, a mailbox provider and a forwarder have sealed.
//
// The RFC prints no keys. But each of the three has made two signatures with one RSA key, of 512 bits and e = 65537, and
// so n divides both s^e − m, where s is a signature and m what it should be of: their greatest common divisor is n. It was
// computed so from the fields below; where one octet of what is signed were another, it would be 1. For the list that
// needs its own subject, since a later hop has changed it ("message has been altered", says the third).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { note } from '@posthouse/core';
import { fakeResolver, mount, NoteBook } from '@posthouse/core/testing';
import checkAuthPlugin from '../src/index.ts';
import type { ArcResult } from '../src/results.ts';

/** The moduli, base64. */
const KEYS = {
  'dk-lists._domainkey.lists.example.org':
    '8QqfpHCvVNvInocX5teOAAo95E4cMlw5RHSINuSmGm2VHI6NSUWR804e+T66xvil+ja8FPFSWLQcL75MyH/Ncw==',
  '20120806._domainkey.gmail.example':
    'wiKGGrI76o2TEBaapCnyDIw5Fwc+cwQQvj916Ewk0vzfsTwHA1NXwK3+jx+ygSD4hVx/RYIWoLQ7/xsFczgSCw==',
  'clochette._domainkey.clochette.example.org':
    'ymp6XsZlp5mtJCBDv0nDz5ecNab8Y36QiesOF59M3D6xRdfxfE6EJ7CgRsiuYekVewOy9SZ3ggUvJidT0XVqhw==',
};

/** RFC 5280 §4.1.2.7: a SubjectPublicKeyInfo around 512 bits, with the exponent 65537. */
const recordOf = (modulus: string): string => {
  const before = Buffer.from('305c300d06092a864886f70d0101010500034b003048024100', 'hex');
  const key = Buffer.concat([before, Buffer.from(modulus, 'base64'), Buffer.from('0203010001', 'hex')]);
  return `v=DKIM1; k=rsa; p=${key.toString('base64')}`;
};
const resolver = fakeResolver(
  Object.fromEntries(Object.entries(KEYS).map(([name, modulus]) => [name, { txt: [recordOf(modulus)] }])),
);

const lines = (text: string): string => `${text.trim()}\n`.replaceAll('\n', '\r\n');

/** The sets as they stand in the message, the newest on top. */
const SETS = [
  lines(`
ARC-Seal: i=3; a=rsa-sha256; cv=pass; d=clochette.example.org; s=
        clochette; t=12345; b=CU87XzXlNlk5X/yW4l73UvPUcP9ivwYWxyBWcVrRs7
        +HPx3K05nJhny2fvymbReAmOA9GTH/y+k9kEc59hAKVg==
ARC-Message-Signature: i=3; a=rsa-sha256; c=relaxed/relaxed; d=
        clochette.example.org; h=message-id:date:from:to:subject; s=
        clochette; t=12345; bh=KWSe46TZKCcDbH4klJPo+tjk5LWJnVRlP5pvjXFZY
        LQ=; b=o71vwyLsK+Wm4cOSlirXoRwzEvi0vqIjd/2/GkYFYlSd/GGfKzkAgPqxf
        K7ccBMP7Zjb/mpeggswHjEMS8x5NQ==
ARC-Authentication-Results: i=3; clochette.example.org; spf=fail
    smtp.from=jqd@d1.example; dkim=fail (512-bit key)
    header.i=@d1.example; dmarc=fail; arc=pass (as.2.gmail.example=pass,
    ams.2.gmail.example=pass, as.1.lists.example.org=pass,
    ams.1.lists.example.org=fail (message has been altered))`),
  lines(`
ARC-Seal: i=2; a=rsa-sha256; cv=pass; d=gmail.example; s=20120806; t=
        12345; b=Zpukh/kJL4Q7Kv391FKwTepgS56dgHIcdhhJZjsalhqkFIQQAJ4T9BE
        8jjLXWpRNuh81yqnT1/jHn086RwezGw==
ARC-Message-Signature: i=2; a=rsa-sha256; c=relaxed/relaxed; d=
        gmail.example; h=message-id:date:from:to:subject; s=20120806; t=
        12345; bh=KWSe46TZKCcDbH4klJPo+tjk5LWJnVRlP5pvjXFZYLQ=; b=CVoG44
        cVZvoSs2mMig2wwqPaJ4OZS5XGMCegWqQs1wvRZJS894tJM0xO1RJLgCPsBOxdA5
        9WSqI9s9DfyKDfWg==
ARC-Authentication-Results: i=2; gmail.example; spf=fail
    smtp.from=jqd@d1.example; dkim=fail (512-bit key)
    header.i=@example.org; dmarc=fail; arc=pass
    (as.1.lists.example.org=pass, ams.1.lists.example.org=pass)`),
  lines(`
ARC-Seal: i=1; a=rsa-sha256; cv=none; d=lists.example.org; s=dk-lists;
         t=12345; b=TlCCKzgk3TrAa+G77gYYO8Fxk4q/Ml0biqduZJeOYh6+0zhwQ8u/
        lHxLi21pxu347isLSuNtvIagIvAQna9a5A==
ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed; d=
        lists.example.org; h=message-id:date:from:to:subject; s=
        dk-lists; t=12345; bh=KWSe46TZKCcDbH4klJPo+tjk5LWJnVRlP5pvjXFZYL
        Q=; b=DsoD3n3hiwlrN1ma8IZQFgZx8EDO7Wah3hUjIEsYKuShRKYB4LwGUiKD5Y
        yHgcIwGHhSc/4+ewYqHMWDnuFxiQ==
ARC-Authentication-Results: i=1; lists.example.org; spf=pass
    smtp.mfrom=jqd@d1.example; dkim=pass (512-bit key)
    header.i=@d1.example; dmarc=pass`),
] as const;

/** As it left the author: SHA-1 and 512 bits, which nobody may believe today (RFC 8301 §3). */
const message = (subject: string): string =>
  lines(`
DKIM-Signature: v=1; a=rsa-sha1; c=relaxed/relaxed; d=d1.example; h=
        message-id:date:from:to:subject; s=origin2015; bh=bIxxaeIQvmOBdT
        AitYfSNFgzPP4=; b=qKjd5fYibKXWWIcMKCgRYuo1vJ2fD+IAQPjX+uamXIGY2Q
        0HjQ+Lq3/yHzG3JHJp6780/nKQPOWt2UDJQrJkEA==
Message-ID: <54B84785.1060301@d1.example>
Date: Thu, 14 Jan 2015 15:00:01 -0800
From: John Q Doe <jqd@d1.example>
To: arc@dmarc.example
Subject: ${subject}

Hey gang,
This is a test message.
--J.`);
const AS_PRINTED = message('[List 2] Example 1');
const BY_THE_LIST = message('[List 1] Example 1');

const ARC = note<ArcResult>('check-auth/arc');

async function chainOf(content: string, minBits = 512): Promise<ArcResult | undefined> {
  await using plugin = await mount(
    checkAuthPlugin({ dkim: { minBits } } as Parameters<typeof checkAuthPlugin>[0]),
    { resolver },
  );
  const notes = new NoteBook();
  const session = { remoteAddress: '192.0.2.1' };
  await plugin.ask('on-data', { session, sender: 'jqd@d1.example', message: content, notes });
  return notes.get(ARC);
}

describe('RFC 8617 appendix B', () => {
  test('the chain of three passes, and its first sealer has seen DMARC pass', async () => {
    assert.deepEqual(await chainOf(SETS.join('') + AS_PRINTED), {
      result: 'pass',
      reason: '',
      sealers: ['lists.example.org', 'gmail.example', 'clochette.example.org'],
      dmarcPassed: true,
    });
  });

  test('so did the chain of two, and that of the list, whose subject was another', async () => {
    const [, second, first] = SETS;
    assert.equal((await chainOf(second + first + AS_PRINTED))?.result, 'pass');
    assert.equal((await chainOf(first + BY_THE_LIST))?.result, 'pass');
    assert.equal((await chainOf(first + AS_PRINTED))?.result, 'fail');
  });

  const whole = SETS.join('') + AS_PRINTED;
  for (const [what, changed] of [
    ['the body', whole.replace('gang', 'gong')],
    ['a signed field', whole.replace('John Q Doe', 'Joan Q Doe')],
    ['results that the list has sealed', whole.replace('spf=pass', 'spf=fail')],
    ['a middle set that is gone', SETS[0] + SETS[2] + AS_PRINTED],
    ['the oldest set that is gone', SETS[0] + SETS[1] + AS_PRINTED],
    ['what was said of the chain', whole.replace('i=2; a=rsa-sha256; cv=pass', 'i=2; a=rsa-sha256; cv=none')],
  ] as const) {
    test(`fails by ${what}`, async () => {
      assert.notEqual(changed, whole);
      assert.equal((await chainOf(changed))?.result, 'fail');
    });
  }

  test('RFC 8301 §3.2: with keys of 512 bits nobody believes it by default', async () => {
    assert.equal((await chainOf(whole, 1024))?.result, 'fail');
  });
});
