import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import fc from 'fast-check';
import { fieldsOf, octetFields } from '../src/header-fields.ts';

const { parseHeaders } = createRequire(import.meta.url)('mailauth/lib/tools.js') as {
  parseHeaders(header: Buffer): { parsed: { key: string; casedKey: string; line: Buffer }[] };
};

test('cuts a header section as mailauth does', () => {
  const line = fc.oneof(
    fc.constantFrom(
      'From: a@b.example',
      ' folded',
      '\tfolded',
      'DKIM-Signature : v=1',
      'no colon',
      ': empty',
      'X:',
    ),
    fc.string({ maxLength: 20 }).map((text) => `X: ${text.replace(/[\r\n]/g, '')}`),
  );
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 12 }), (lines) => {
      const header = Buffer.from(`Subject: x\r\n${lines.map((each) => `${each}\r\n`).join('')}`, 'latin1');
      const theirs = parseHeaders(header).parsed.map(({ key, line: octets }) => [
        key || '',
        octets.toString('latin1'),
      ]);
      const ours = octetFields(fieldsOf(header, 50)).map(({ key, line: octets }) => [
        key,
        octets.toString('latin1'),
      ]);
      assert.deepEqual(ours, theirs);
    }),
  );
});

test('keeps so many signatures, from the top', () => {
  const header = Buffer.from([1, 2, 3, 4].map((n) => `DKIM-signature: ${n}\r\n`).join(''));
  assert.deepEqual(
    fieldsOf(header, 2).map(({ raw }) => raw),
    ['DKIM-signature: 1', 'DKIM-signature: 2'],
  );
});

test('leaves out a field over 16 KiB that would be read, and keeps one that is only hashed', () => {
  const long = 'x'.repeat(17_000);
  const header = Buffer.from(`From: ${long}\r\nSubject: ${long}\r\nTo: a\r\n`);
  assert.deepEqual(
    fieldsOf(header, 5).map(({ name }) => name),
    ['subject', 'to'],
  );
});

test('takes a quarter of a megabyte of folded lines in its stride', () => {
  const header = Buffer.from(`Subject: x\r\n${' a\r\n'.repeat(65_000)}`);
  const started = process.cpuUsage();
  assert.equal(fieldsOf(header, 5).length, 1);
  assert.ok(process.cpuUsage(started).user < 500_000);
});
