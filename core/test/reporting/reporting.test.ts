// What daily reports have in common: rows that are counted and read again, and the records by which others ask.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { mailtoAddress, Tally, tagsOf, talliedRow } from '../../src/reporting/index.ts';

test('rows that differ in nothing are one line, which is read as it was written', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 5 }), (texts) => {
      const tally = new Tally<{ readonly text: string }>();
      for (const text of [...texts, ...texts]) tally.add({ text });
      const distinct = [...new Set(texts)];
      assert.equal(tally.size, distinct.length);
      const lines = tally.drain().split('\n');
      assert.equal(lines.pop(), '');
      assert.deepEqual(
        lines.map((line) => talliedRow<{ readonly text: string }>(line)?.row.text),
        distinct,
      );
      assert.equal(tally.drain(), '');
    }),
  );
});

test('a line that was cut off is none', () => {
  for (const line of ['', '1', '1 {"domain":', 'x {}', '0 {}', '-1 {}', '1.5 {}'])
    assert.equal(talliedRow(line), undefined);
  assert.deepEqual(talliedRow('3 {"a":1}'), { count: 3, row: { a: 1 } });
});

test('the tags of a record, whatever else stands in it', () => {
  assert.deepEqual(
    [...tagsOf(' v=DMARC1 ;P = none; rua=mailto:a@b.example?x=1,; junk;=x')],
    [
      ['v', 'DMARC1'],
      ['p', 'none'],
      ['rua', 'mailto:a@b.example?x=1,'],
    ],
  );
});

test('an address in a URI is one that mail can go to, or none', () => {
  const table: readonly (readonly [string, string | undefined])[] = [
    ['mailto:a@b.example', 'a@b.example'],
    [' MAILTO:a%2Bx@b.example?subject=y ', 'a+x@b.example'],
    ['mailto:a@b.example ', 'a@b.example'],
    ['mailto:', undefined],
    ['mailto:%zz', undefined],
    ['mailto:%0d%0aX', undefined],
    ['mailto:a@[192.0.2.1]', undefined],
    ['mailto:a@b@c', undefined],
    ['https://b.example/', undefined],
  ];
  for (const [uri, expected] of table) assert.equal(mailtoAddress(uri), expected, uri);
});
