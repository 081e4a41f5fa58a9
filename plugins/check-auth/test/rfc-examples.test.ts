// The RFCs' own examples: RFC 6376 appendix A (with the key of appendix C), RFC 7489 appendix B.1. RFC 8463's stands in
// check-auth.test.ts, that of RFC 8617 in rfc8617.test.ts.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { fakeClock, fakeResolver } from '@posthouse/core/testing';
import { KeyRecords } from '../src/dkim/key-record.ts';
import { DkimVerifier } from '../src/dkim/verifier.ts';
import { DmarcCheck } from '../src/dmarc.ts';
import { type Engine, loadEngine } from '../src/engine.ts';
import { fieldsOf } from '../src/header-fields.ts';
import { Lookups } from '../src/lookups.ts';
import type { DkimResult, DmarcResult } from '../src/results.ts';

let engine: Engine;
before(async () => {
  engine = await loadEngine();
});

const lookups = (zone: Parameters<typeof fakeResolver>[0]) =>
  new Lookups(fakeResolver(zone), fakeClock(), { time: 8000, lookups: 100 }, '192.0.2.1');

const APPENDIX_A = [
  'DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;',
  '      c=simple/simple; q=dns/txt; i=joe@football.example.com;',
  '      h=Received : From : To : Subject : Date : Message-ID;',
  '      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;',
  '      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB',
  '      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut',
  '      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV',
  '      4bmp/YzhwvcubU4=;',
  'Received: from client1.football.example.com  [192.0.2.1]',
  '      by submitserver.example.com with SUBMISSION;',
  '      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)',
  'From: Joe SixPack <joe@football.example.com>',
  'To: Suzie Q <suzie@shopping.example.net>',
  'Subject: Is dinner ready?',
  'Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)',
  'Message-ID: <20030712040037.46341.5F8J@football.example.com>',
  '',
].join('\r\n');
const BODY = 'Hi.\r\n\r\nWe lost the game. Are you hungry yet?\r\n\r\nJoe.\r\n';
const APPENDIX_C =
  'v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB';

async function verified(body: string): Promise<readonly DkimResult[]> {
  const zone = { 'brisbane._domainkey.example.com': { txt: [APPENDIX_C] } };
  const settings = { minBits: 1024, now: Date.UTC(2026, 0, 1) };
  const fields = fieldsOf(Buffer.from(APPENDIX_A), 10);
  const verifier = new DkimVerifier(fields, new KeyRecords(), lookups(zone), settings);
  verifier.update(Buffer.from(body));
  return verifier.results();
}

test('RFC 6376 appendix A.3: the signed message verifies', async () => {
  assert.deepEqual(await verified(BODY), [
    {
      result: 'pass',
      domain: 'example.com',
      selector: 'brisbane',
      identity: 'joe@football.example.com',
      algorithm: 'rsa-sha256',
      signature: 'AuUoFEfD',
      reason: '',
    },
  ]);
  const [changed] = await verified(BODY.replace('lost', 'won'));
  assert.deepEqual([changed?.result, changed?.reason], ['fail', 'body hash did not verify']);
});

/** RFC 7489 appendix B.1: who has signed or sent, who has written, and what relaxed and strict alignment say. */
const alignments: readonly (readonly [string, 'spf' | 'dkim', string, string, boolean, boolean])[] = [
  ['B.1.1 example 1', 'spf', 'example.com', 'sender@example.com', true, true],
  ['B.1.1 example 2', 'spf', 'child.example.com', 'sender@example.com', true, false],
  ['B.1.1 example 3', 'spf', 'example.net', 'sender@child.example.com', false, false],
  ['B.1.2 example 1', 'dkim', 'example.com', 'sender@example.com', true, true],
  ['B.1.2 example 2', 'dkim', 'example.com', 'sender@child.example.com', true, false],
  ['B.1.2 example 3', 'dkim', 'sample.net', 'sender@child.example.com', false, false],
];
for (const [name, method, domain, author, relaxed, strict] of alignments) {
  test(`RFC 7489 appendix ${name}`, async () => {
    for (const [mode, aligned] of [['r', relaxed] as const, ['s', strict] as const]) {
      const record = `v=DMARC1; p=reject; aspf=${mode}; adkim=${mode}`;
      const { result } = await dmarcOf(new DmarcCheck(() => engine), record, method, domain, author);
      assert.equal(result, aligned ? 'pass' : 'fail', mode);
    }
  });
}

test('an answer of DMARC is kept for half a minute, for whoever writes from there', async () => {
  const check = new DmarcCheck(() => engine);
  const asked = (record: string, author: string, now: number) =>
    dmarcOf(check, record, 'spf', 'example.net', author, now);
  assert.equal((await asked('v=DMARC1; p=reject', 'ann@example.com', 0)).policy, 'reject');
  assert.equal((await asked('v=DMARC1; p=none', 'Bob.B@EXAMPLE.com', 29_999)).policy, 'reject');
  assert.equal((await asked('v=DMARC1; p=none', 'ann@example.com', 30_000)).policy, 'none');
  assert.equal((await asked('v=DMARC1; p=reject', 'ann@example.org', 30_000)).result, 'none');
});

test('that there is no answer is not kept', async () => {
  const check = new DmarcCheck(() => engine);
  assert.equal(
    (await dmarcOf(check, 'unavailable', 'spf', 'a.example', 'ann@example.com')).result,
    'temperror',
  );
  assert.equal(
    (await dmarcOf(check, 'v=DMARC1; p=none', 'spf', 'a.example', 'ann@example.com')).result,
    'fail',
  );
});

function dmarcOf(
  check: DmarcCheck,
  record: string,
  method: 'spf' | 'dkim',
  domain: string,
  author: string,
  now = 0,
): Promise<DmarcResult> {
  const zone = { '_dmarc.example.com': record === 'unavailable' ? record : { txt: [record] } } as const;
  const passed = { result: 'pass', domain, identity: 'mailfrom', value: domain } as const;
  const none = { result: 'none', domain: '', identity: 'mailfrom', value: '' } as const;
  const signature = {
    result: 'pass',
    domain,
    selector: 's',
    identity: '',
    algorithm: '',
    signature: '',
    reason: '',
  };
  return check.check(
    fieldsOf(Buffer.from(`From: A <${author}>\r\n`), 1),
    { spf: method === 'spf' ? passed : none, dkim: method === 'dkim' ? [signature] : [] },
    lookups(zone),
    now,
  );
}
