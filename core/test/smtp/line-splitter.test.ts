import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LineSplitter } from '../../src/smtp/index.ts';
import { bytesOf, cut, octets, sizes, text } from './bytes.ts';

function drain(splitter: LineSplitter): string[] {
  const results: string[] = [];
  for (let next = splitter.next(); next !== undefined; next = splitter.next()) {
    results.push('line' in next ? `"${next.line}"` : next.fault);
  }
  return results;
}

function split(bytes: Uint8Array, maxLine: number): string[] {
  const splitter = new LineSplitter({ maxLine });
  splitter.push(bytes);
  return drain(splitter);
}

test('only CRLF ends a line, and what is wrong is reported once with its line', () => {
  for (const [bytes, expected] of [
    ['EHLO x\r\nDATA\r\n', ['"EHLO x"', '"DATA"']],
    ['\r\n', ['""']],
    ['EHLO x', []],
    ['EHLO x\r', []],
    ['a\nb\r\n', ['bare-lf', '"b"']],
    ['\n\n', ['bare-lf', 'bare-lf']],
    ['a\rb\r\nc\r\n', ['bare-cr', '"c"']],
    ['a\r\r\n', ['bare-cr']],
    ['a\0b\r\n', ['nul']],
    ['1234567890123456789012345678\r\n', ['"1234567890123456789012345678"']],
    ['12345678901234567890123456789\r\nx\r\n', ['too-long', '"x"']],
    [`${'x'.repeat(1000)}\r\ny\r\n`, ['too-long', '"y"']],
    [`${'x'.repeat(1000)}\ny\r\n`, ['bare-lf', '"y"']],
    ['j\xc3\xb6\r\n', ['"jö"']],
    ['\xef\xbb\xbfQUIT\r\n', ['"\ufeffQUIT"']],
    ['j\xf6\r\n', ['not-utf8']],
    ['\xc0\x80\r\n', ['not-utf8']],
  ] as const) {
    assert.deepEqual(split(octets(bytes), 30), expected, JSON.stringify(bytes));
  }
});

test('an unfinished line never keeps more than the limit', () => {
  const splitter = new LineSplitter({ maxLine: 512 });
  for (let turn = 0; turn < 1000; turn++) {
    splitter.push(octets('x'.repeat(100)));
    assert.equal(splitter.next(), undefined);
    assert.ok(splitter.size <= 512);
  }
  splitter.push(octets('\r\nNOOP\r\n'));
  assert.deepEqual(drain(splitter), ['too-long', '"NOOP"']);
});

test('the rest can be taken raw at any line end, and lines go on with what is pushed back', () => {
  const splitter = new LineSplitter({ maxLine: 512 });
  splitter.push(octets('DA'));
  assert.deepEqual(drain(splitter), []);
  splitter.push(octets('TA\r\nbody\n.\r\nQUIT\r\n'));
  assert.deepEqual(splitter.next(), { line: 'DATA' });
  assert.equal(splitter.size, 14);
  const rest = splitter.rest();
  assert.equal(text(rest), 'body\n.\r\nQUIT\r\n');
  assert.equal(splitter.size, 0);
  splitter.push(rest.subarray(8));
  splitter.push(octets('x'));
  assert.deepEqual(drain(splitter), ['"QUIT"']);
  assert.equal(text(rest), 'body\n.\r\nQUIT\r\n');
});

// RFC 3207 §4.2
test('clear forgets all that was heard, even half of an overlong line', () => {
  const splitter = new LineSplitter({ maxLine: 10 });
  splitter.push(octets('x'.repeat(50)));
  assert.deepEqual(drain(splitter), []);
  splitter.push(octets('yyy'));
  splitter.clear();
  assert.equal(splitter.size, 0);
  splitter.push(octets('EHLO x\r\n'));
  assert.deepEqual(drain(splitter), ['"EHLO x"']);
});

test('however the bytes are cut, the lines and faults are the same, in the same order', () => {
  const wire = bytesOf('\r', '\n', '\r\n', 'a', 'NOOP\r\n', '\0', '\xc3\xb6', '\xff', '0123456789', ' ');
  fc.assert(
    fc.property(wire, sizes, fc.boolean(), (bytes, cuts, eager) => {
      const splitter = new LineSplitter({ maxLine: 16 });
      const results: string[] = [];
      for (const chunk of cut(bytes, cuts)) {
        splitter.push(chunk);
        if (eager) results.push(...drain(splitter));
      }
      assert.deepEqual([...results, ...drain(splitter)], split(bytes, 16));
    }),
    { numRuns: 2000 },
  );
});

test('many small chunks pushed without asking cost no more than their length', () => {
  const splitter = new LineSplitter({ maxLine: 512 });
  const chunk = octets('NOOP\r\n');
  for (let turn = 0; turn < 100_000; turn++) splitter.push(chunk);
  assert.equal(splitter.size, 600_000);
  assert.equal(drain(splitter).length, 100_000);
});
