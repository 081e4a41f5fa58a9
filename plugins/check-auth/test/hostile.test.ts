// What strangers may send and DNS may answer: nothing of it takes long, and nothing of it is more than a result.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { ReceivedMessage, Resolver } from '@posthouse/core';
import { fakeClock, fakeResolver } from '@posthouse/core/testing';
import fc from 'fast-check';
import { checkMessage, checkSpf } from '../src/check.ts';
import { KeyRecords } from '../src/dkim/key-record.ts';
import { DmarcCheck } from '../src/dmarc.ts';
import { type Engine, loadEngine } from '../src/engine.ts';
import { Lookups } from '../src/lookups.ts';
import { authenticationResults, type MessageResults, type SpfResult } from '../src/results.ts';
import { Policies } from '../src/spf/check-host.ts';
import { rfc8463, rfc8463Zone } from './keys.ts';

const SPF: SpfResult = { result: 'none', domain: 'a.example', identity: 'mailfrom', value: 'a.example' };
const BUDGET = { time: 8000, lookups: 100 };
/** Of processor time; the machine may be busy, and what is quadratic takes seconds. */
const MILLISECONDS = 1500;

let engine: Engine;
before(async () => {
  engine = await loadEngine();
});

async function within<T>(work: () => Promise<T>): Promise<T> {
  const before = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  assert.ok((user + system) / 1000 < MILLISECONDS, `took ${(user + system) / 1000} ms`);
  return result;
}

function messageOf(content: string | Buffer): ReceivedMessage {
  const octets = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
  return {
    size: octets.length,
    headers: { first: () => undefined, all: () => [], [Symbol.iterator]: () => [][Symbol.iterator]() },
    header: new Uint8Array(0),
    mime: { parts: 0, depth: 0 },
    async *open() {
      for (let at = 0; at < octets.length; at += 65_536) yield octets.subarray(at, at + 65_536);
    },
  };
}

async function checked(
  content: string | Buffer,
  resolver: Resolver = fakeResolver(rfc8463Zone),
): Promise<MessageResults> {
  const lookups = new Lookups(resolver, fakeClock(), BUDGET, '192.0.2.1');
  const settings = { signatures: 10, minBits: 1024, now: Date.UTC(2026, 0, 1), client: '192.0.2.1' };
  const memory = { keys: new KeyRecords(), authors: new DmarcCheck(() => engine) };
  return checkMessage(engine, memory, messageOf(content), SPF, lookups, settings);
}

async function spfOf(resolver: Resolver): Promise<string> {
  const lookups = new Lookups(resolver, fakeClock(), BUDGET, '192.0.2.1');
  const question = { sender: 'a@a.example', client: '192.0.2.1', helo: 'a.example' };
  return (await checkSpf(new Policies(), question, lookups)).result;
}

describe('a header section of 256 KiB', () => {
  const full = (field: (n: number) => string): string => {
    let text = '';
    for (let n = 1; text.length < 262_000; n++) text += field(n);
    return `${text}\r\nHello\r\n`;
  };
  const signature = rfc8463.slice(0, rfc8463.indexOf('From:'));
  const table: readonly (readonly [string, () => string])[] = [
    ['of folded lines', () => full((n) => (n === 1 ? 'From: a@a.example\r\n' : ' x\r\n'))],
    ['of lines that are no fields', () => full(() => 'x\r\n')],
    ['of signatures', () => full(() => signature)],
    ['of From fields', () => full(() => 'From: a@a.example\r\n')],
    ['with a From of many addresses', () => `From: ${'a@a.example,'.repeat(1300)}b@a.example\r\n\r\n`],
    ['with a From of open comments', () => `From: ${'('.repeat(16_000)}a@a.example\r\n\r\n`],
    ['with a From of open quotes', () => `From: ${'"\\'.repeat(8000)}a@a.example\r\n\r\n`],
    ['with a From of angles', () => `From: ${'<'.repeat(16_000)}a@a.example\r\n\r\n`],
    ['with a From of groups', () => `From: ${'a:'.repeat(8000)}a@a.example;\r\n\r\n`],
    ['with a From of blanks', () => `From: ${' '.repeat(16_000)}x${' '.repeat(200)}\r\n\r\n`],
    ['with a From of dots', () => `From: a@${'a.'.repeat(8000)}example\r\n\r\n`],
    [
      'with a signature of many tags',
      () => `DKIM-Signature: ${'a=b;'.repeat(4000)}\r\nFrom: a@a.example\r\n\r\n`,
    ],
    [
      'with a signature over many fields',
      () =>
        `DKIM-Signature: v=1; a=rsa-sha256; d=football.example.com; s=test; bh=x; b=x; h=${'x:'.repeat(8000)}from\r\n${full((n) => `X: ${n}\r\n`)}`,
    ],
    [
      'with a signature of blanks',
      () => `DKIM-Signature: v=1; b=${' \t'.repeat(8000)}\r\nFrom: a@a.example\r\n\r\n`,
    ],
    [
      'with fifty seals',
      () =>
        full((n) =>
          n > 50
            ? 'X: y\r\n'
            : `ARC-Seal: i=${n}; a=rsa-sha256; cv=${n === 1 ? 'none' : 'pass'}; d=football.example.com; s=test; b=AAAA\r\n` +
              `ARC-Message-Signature: i=${n}; a=rsa-sha256; d=football.example.com; s=test; h=from; bh=x; b=AAAA\r\n` +
              `ARC-Authentication-Results: i=${n}; a.example; ${'(x)'.repeat(500)}\r\n`,
        ),
    ],
    [
      'with results of open comments',
      () => `ARC-Authentication-Results: i=1; ${'('.repeat(16_000)}\r\nFrom: a@a.example\r\n\r\n`,
    ],
    [
      'with a Content-Type of parameters',
      () => `Content-Type: a/b; ${"x*0*=utf-8'';".repeat(1200)}\r\n${rfc8463}`,
    ],
  ];
  for (const [what, content] of table) {
    test(what, async () => {
      const { dkim, dmarc } = await within(() => checked(content()));
      assert.ok(dkim.length <= 10);
      assert.notEqual(dmarc.result, 'pass');
    });
  }
});

test('a body of 20 MiB is hashed in turns', async () => {
  let turns = 0;
  const other = setInterval(() => turns++, 1);
  const body = Buffer.from(`${'x'.repeat(70)} \r\n`.repeat((20 << 20) / 73));
  await checked(Buffer.concat([Buffer.from(rfc8463.slice(0, rfc8463.indexOf('\r\n\r\n') + 4)), body]));
  clearInterval(other);
  assert.ok(turns > 10, `${turns} turns`);
});

describe('DNS that', () => {
  test('includes itself for ever', async () => {
    const resolver = fakeResolver({
      'a.example': { txt: ['v=spf1 include:b.example -all'] },
      'b.example': { txt: ['v=spf1 include:a.example -all'] },
    });
    assert.equal(await within(() => spfOf(resolver)), 'permerror');
    assert.ok(resolver.lookups.length <= 12);
  });

  test('redirects to itself for ever', async () => {
    const resolver = fakeResolver({ 'a.example': { txt: ['v=spf1 redirect=a.example'] } });
    assert.equal(await within(() => spfOf(resolver)), 'permerror');
  });

  test('names eleven hosts to look up', async () => {
    const record = (hosts: number) => ({
      txt: [`v=spf1 ${Array.from({ length: hosts }, (_, n) => `a:h${n}.example`).join(' ')} -all`],
    });
    const hosts = Object.fromEntries(
      Array.from({ length: 11 }, (_, n) => [`h${n}.example`, { a: ['203.0.113.1'] }]),
    );
    assert.equal(await spfOf(fakeResolver({ ...hosts, 'a.example': record(10) })), 'fail');
    assert.equal(await spfOf(fakeResolver({ ...hosts, 'a.example': record(11) })), 'permerror');
  });

  test('names three hosts that do not exist', async () => {
    const record = (hosts: string) => fakeResolver({ 'a.example': { txt: [`v=spf1 ${hosts} -all`] } });
    assert.equal(await spfOf(record('a:x.example a:y.example')), 'fail');
    assert.equal(await spfOf(record('a:x.example a:y.example a:z.example')), 'permerror');
  });

  test('answers with 64 KiB of policy', async () => {
    const txt = [
      `v=spf1 ${Array.from({ length: 3500 }, (_, n) => `ip4:10.${n >> 8}.${n & 255}.0/24`).join(' ')} -all`,
    ];
    assert.equal(await within(() => spfOf(fakeResolver({ 'a.example': { txt } }))), 'fail');
    const macros = [`v=spf1 exists:${'%{i}.'.repeat(12_000)}example -all`];
    assert.notEqual(await within(() => spfOf(fakeResolver({ 'a.example': { txt: macros } }))), 'pass');
  });

  test('answers with a hundred large records', async () => {
    const txt = Array.from({ length: 100 }, () => `v=spf1 ${'a '.repeat(15_000)}`);
    assert.equal(await within(() => spfOf(fakeResolver({ 'a.example': { txt } }))), 'permerror');
  });

  test('answers with large keys and policies', async () => {
    const dns = fakeResolver({
      'test._domainkey.football.example.com': { txt: [`v=DKIM1; p=${'A'.repeat(60_000)}`] },
      'brisbane._domainkey.football.example.com': { txt: [`${'x=y;'.repeat(15_000)}`] },
      '_dmarc.football.example.com': {
        txt: [`v=DMARC1; p=reject; rua=${'mailto:a@b.example,'.repeat(3000)}`],
      },
    });
    const { dmarc, dkim } = await within(() => checked(rfc8463, dns));
    assert.ok(dkim.every(({ result }) => result !== 'pass'));
    assert.equal(dmarc.result, 'fail');
  });

  test('answers anything at all is a result', async () => {
    const text = fc.oneof(
      fc.string({ maxLength: 60 }),
      fc
        .array(
          fc.constantFrom(
            'v=spf1',
            'a',
            'mx',
            'ptr',
            'exists:%{i}.x',
            'include:a.example',
            'ip4:1',
            '-all',
            'exp=x',
            '%{',
            '%{d2r}',
          ),
          { maxLength: 8 },
        )
        .map((parts) => `v=spf1 ${parts.join(' ')}`),
      fc
        .array(fc.constantFrom('v=DMARC1', 'p=reject', 'pct=', 'sp', 'np=x', '='), { maxLength: 6 })
        .map((parts) => `v=DMARC1; ${parts.join(';')}`),
      fc.string({ maxLength: 40 }).map((key) => `v=DKIM1; p=${key}`),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { minLength: 1, maxLength: 3 }),
        fc.string({ maxLength: 80, unit: 'binary' }),
        async (txt, from) => {
          const anything: Resolver = {
            ...fakeResolver({}),
            txt: async () => txt,
            mxRecords: async () => [{ exchange: txt[0] ?? '', preference: 1 }],
            addresses: async () => ({ v4: txt, v6: txt }),
            ptr: async () => txt,
          };
          const spf = await spfOf(anything);
          assert.match(spf, /^(?:pass|fail|softfail|neutral|none|temperror|permerror)$/);
          const results = await checked(Buffer.from(`From: ${from}\r\n${rfc8463}`), anything);
          for (const { method, result } of authenticationResults(results))
            assert.match(`${method} ${result}`, /^[a-z]+ [a-z]+$/);
        },
      ),
      { numRuns: 60 },
    );
  });
});
