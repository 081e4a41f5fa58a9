import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MimeStructure } from '../../src/intake/mime-structure.ts';

function count(
  contentType: string,
  body: string,
  chunk = body.length || 1,
): [parts: number, deepest: number] {
  const structure = MimeStructure.of(contentType);
  if (structure === undefined) return [0, 0];
  const bytes = Buffer.from(body.replaceAll('\n', '\r\n'), 'latin1');
  for (let at = 0; at < bytes.length; at += chunk) structure.receive(bytes.subarray(at, at + chunk));
  return [structure.parts, structure.deepest];
}

const PART = '--a\n\nhello\n';
const CASES: readonly (readonly [
  what: string,
  contentType: string,
  body: string,
  counted: [number, number],
])[] = [
  ['a plain message has no structure', 'text/plain', PART, [0, 0]],
  ['nor has a multipart without a boundary', 'multipart/mixed', PART, [0, 0]],
  [
    'a preamble and an epilogue are no parts',
    'multipart/mixed; boundary=a',
    `x\n${PART}--a--\n--a--\n`,
    [1, 1],
  ],
  [
    'the first line of the body may be a delimiter',
    'Multipart/Mixed; Boundary="a"',
    `${PART}${PART}--a--`,
    [2, 1],
  ],
  ['a boundary may be quoted', 'multipart/mixed; charset=x; boundary="a \\"b\\":c"', '--a "b":c\n\n', [1, 1]],
  [
    'white space behind a delimiter is allowed',
    'multipart/mixed; boundary=a',
    '--a \t\n\nx\n--a--  \n',
    [1, 1],
  ],
  [
    'what only begins like a delimiter is text',
    'multipart/mixed; boundary=a',
    '--ab\n\n-a\n -- a\n--a\n\n',
    [1, 1],
  ],
  ['a delimiter stands on a line of its own', 'multipart/mixed; boundary=a', 'x--a\n\n\n--a\n\n', [1, 1]],
  [
    'parts lie in parts',
    'multipart/mixed; boundary=a',
    '--a\nContent-Type: multipart/alternative;\n boundary=b\n\n--b\n\nx\n--b\n\ny\n--b--\n--a\n\nz\n--a--\n',
    [4, 2],
  ],
  [
    'an inner multipart that never ends is ended by the outer one',
    'multipart/mixed; boundary=a',
    '--a\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--a\n\n--b\n\n--b\n\n',
    [3, 2],
  ],
  [
    'a delimiter ends the header section of a part as well',
    'multipart/mixed; boundary=a',
    '--a\nContent-Type: text/plain\n--a\nX: y\n--a--\n',
    [2, 1],
  ],
  [
    'an attached message is a part, and its parts lie in it',
    'multipart/mixed; boundary=a',
    '--a\nContent-Type: message/rfc822\n\nSubject: x\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\n--c--\n--a--\n',
    [3, 3],
  ],
  ['a message that is a message', 'message/rfc822', 'Content-Type: message/rfc822\n\nSubject: x\n\n', [2, 2]],
  [
    'the same boundary at every depth is as deep as readers take it',
    'multipart/mixed; boundary=a',
    '--a\nContent-Type: multipart/mixed; boundary=a\n\n'.repeat(5),
    [5, 6],
  ],
  [
    'a header line without an end hides nothing behind it',
    'multipart/mixed; boundary=a',
    `--a\nX: ${'x'.repeat(10_000)}\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n`,
    [2, 2],
  ],
];

test('parts and depths are counted, however the octets are cut', () => {
  for (const [what, contentType, body, counted] of CASES) {
    for (const chunk of [undefined, 1, 2, 3, 5, 17, 4000])
      assert.deepEqual(count(contentType, body, chunk), counted, `${what}, in chunks of ${chunk}`);
  }
});

test('cut at random, any octets are counted alike', () => {
  const piece = fc.constantFrom(
    '--a\n',
    '--b\n',
    '--a--\n',
    '--b--\n',
    '\n',
    'x\n',
    '-',
    '--',
    '\r',
    'Content-Type: multipart/mixed; boundary=b\n\n',
    'Content-Type: message/rfc822\n\n',
    'Content-Type:\n multipart/x; boundary="a"\n',
    `${'y'.repeat(300)}\n`,
    `z${'z'.repeat(5000)}`,
  );
  const body = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));
  fc.assert(
    fc.property(body, fc.integer({ min: 1, max: 600 }), (text, chunk) => {
      assert.deepEqual(
        count('multipart/mixed; boundary=a', text, chunk),
        count('multipart/mixed; boundary=a', text),
      );
    }),
    { numRuns: 3000 },
  );
});

test('the worst that 4 MiB can be costs no more than a second of computing', () => {
  const hostile = [
    '\n--x'.repeat(1024 * 1024),
    '--a\nContent-Type: multipart/x; '.repeat(140_000),
    `--a\nContent-Type: multipart/x;${'; boundary="'.repeat(300)}\n\n`.repeat(1100),
    '--a\nContent-Type: multipart/mixed; boundary=a\n\n'.repeat(90_000),
    `--a\nX: ${'x'.repeat(4 * 1024 * 1024)}`,
  ];
  for (const body of hostile) {
    const began = process.cpuUsage();
    count('multipart/mixed; boundary=a', body, 65_536);
    const milliseconds = process.cpuUsage(began).user / 1000;
    assert.ok(milliseconds < 1000, `${JSON.stringify(body.slice(0, 40))}… took ${milliseconds} ms`);
  }
});
