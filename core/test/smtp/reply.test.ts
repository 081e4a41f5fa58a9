import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { faultReply, formatReply, type Reply, ReplyParser, reply } from '../../src/smtp/index.ts';
import { bytesOf, cut, octets, sizes } from './bytes.ts';

test('a reply is written with its code and status on every line', () => {
  assert.equal(formatReply(reply(250, '2.1.0', 'Sender ok')), '250 2.1.0 Sender ok\r\n');
  assert.equal(formatReply(reply(354, undefined, 'Go ahead')), '354 Go ahead\r\n');
  assert.equal(
    formatReply(reply(250, undefined, 'mx.example', 'SIZE 1', 'DSN')),
    '250-mx.example\r\n250-SIZE 1\r\n250 DSN\r\n',
  );
  assert.equal(formatReply(reply(550, '5.7.1', 'No', 'Never')), '550-5.7.1 No\r\n550 5.7.1 Never\r\n');
  assert.equal(formatReply(reply(250, '2.0.0')), '250 2.0.0\r\n');
  assert.equal(formatReply(reply(250, undefined, '')), '250\r\n');
  assert.equal(formatReply(faultReply({ code: 501, status: '5.5.4', text: 'Bad' })), '501 5.5.4 Bad\r\n');
});

test('text from outside cannot end a line or leave ASCII', () => {
  assert.equal(
    formatReply(reply(550, '5.1.1', 'a\r\n250 ok\0')),
    '550 5.1.1 a\\x{0D}\\x{0A}250 ok\\x{00}\r\n',
  );
  assert.equal(formatReply(reply(550, undefined, 'jö 用 😀')), '550 j\\x{F6} \\x{7528} \\x{1F600}\r\n');
});

// RFC 5321 §4.5.3.1.5
test('no reply line is longer than 512 octets, and no reply than 100 lines', () => {
  const words = formatReply(reply(550, '5.7.1', 'word '.repeat(300).trim()));
  assert.equal(
    words
      .replaceAll(/550[- ]5\.7\.1 /g, '')
      .replaceAll('\r\n', ' ')
      .trim(),
    'word '.repeat(300).trim(),
  );
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'binary', maxLength: 1500 }), { maxLength: 5 }),
      fc.boolean(),
      (lines, withStatus) => {
        const wire = formatReply(reply(550, withStatus ? '5.999.999' : undefined, ...lines));
        const parts = wire.split('\r\n');
        assert.equal(parts.pop(), '');
        for (const [index, part] of parts.entries()) {
          assert.ok(part.length <= 510);
          assert.match(part, index === parts.length - 1 ? /^550( [\t -~]*)?$/ : /^550-[\t -~]*$/);
        }
      },
    ),
  );
  assert.equal(formatReply(reply(250, undefined, ...Array<string>(500).fill('x'))).split('\r\n').length, 101);
  assert.equal(formatReply(reply(250, undefined, 'x'.repeat(1_000_000))).split('\r\n').length, 101);
});

function read(text: string): readonly (Reply | { readonly fault: string })[] {
  return new ReplyParser().receive(octets(text));
}

test('replies are read as next hops write them', () => {
  for (const [wire, expected] of [
    ['250 2.1.5 Recipient ok\r\n', [{ code: 250, status: '2.1.5', lines: ['Recipient ok'] }]],
    ['250-mx.example\r\n250-SIZE 1\r\n250 DSN\r\n', [{ code: 250, lines: ['mx.example', 'SIZE 1', 'DSN'] }]],
    ['550-5.7.1 No\r\n550 5.7.1 Never\r\n', [{ code: 550, status: '5.7.1', lines: ['No', 'Never'] }]],
    ['550-5.7.1 No\r\n550 5.7.2 Other\r\n', [{ code: 550, status: '5.7.1', lines: ['No', '5.7.2 Other'] }]],
    ['250\r\n', [{ code: 250, lines: [''] }]],
    [
      '250-\n250 \n354 go\n',
      [
        { code: 250, lines: ['', ''] },
        { code: 354, lines: ['go'] },
      ],
    ],
    ['250 2.0.0\r\n', [{ code: 250, status: '2.0.0', lines: [''] }]],
    ['550 4.7.1 other class\r\n', [{ code: 550, lines: ['4.7.1 other class'] }]],
    ['250 2.0.0.example\r\n', [{ code: 250, lines: ['2.0.0.example'] }]],
    ['250 caf\xe9\x00\r\n', [{ code: 250, lines: ['caf\\x{E9}\\x{00}'] }]],
    ['250 unfinished', []],
  ] as const) {
    assert.deepEqual(read(wire), expected, JSON.stringify(wire));
  }
});

test('what is no reply is a fault, after which nothing is heard', () => {
  for (const [wire, fault] of [
    ['HTTP/1.1 400 Bad Request\r\n250 ok\r\n', 'not a reply: HTTP/1.1 400 Bad Request'],
    ['\r\n', 'not a reply: '],
    ['150 x\r\n', 'not a reply: 150 x'],
    ['250x\r\n', 'not a reply: 250x'],
    ['250-a\r\n251 b\r\n', 'reply changes its code from 250 to 251'],
    ['250-a\r\n'.repeat(1001), 'reply of more than 1000 lines'],
    [`250-${'a'.repeat(4000)}\r\n`.repeat(20), 'reply longer than 64 KiB'],
    ['a'.repeat(70_000), 'reply longer than 64 KiB'],
  ] as const) {
    assert.deepEqual(read(wire), [{ fault }], wire.slice(0, 40));
  }
});

test('of an overlong reply line the beginning is kept', () => {
  assert.deepEqual(read(`250 ${'a'.repeat(10_000)}\r\n220 b\r\n`), [
    { code: 250, lines: ['a'.repeat(4092)] },
    { code: 220, lines: ['b'] },
  ]);
});

test('the bounds are those of one reply, not of the connection', () => {
  const parser = new ReplyParser();
  const long = octets(`250 ${'a'.repeat(4000)}\r\n`);
  for (let turn = 0; turn < 100; turn++) assert.equal('code' in (parser.receive(long)[0] ?? {}), true);
});

test('however the bytes of replies are cut, the replies are the same', () => {
  const wire = bytesOf(
    '250',
    '550',
    '-',
    ' ',
    '\r',
    '\n',
    '\r\n',
    '250 ok\r\n',
    '250-a\r\n',
    '2.1.0 ',
    'x',
    '\xff',
    'y'.repeat(4090),
  );
  fc.assert(
    fc.property(wire, sizes, (bytes, cuts) => {
      const parser = new ReplyParser();
      assert.deepEqual(
        cut(bytes, cuts).flatMap((chunk) => parser.receive(chunk)),
        new ReplyParser().receive(bytes),
      );
    }),
    { numRuns: 500 },
  );
});

test('a formatted reply is read back as it was', () => {
  const line = fc.string({ unit: fc.constantFrom(...'abc 250-.') as fc.Arbitrary<string>, maxLength: 40 });
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 8 }), (lines) => {
      assert.deepEqual(read(formatReply(reply(250, '2.1.0', ...lines))), [
        { code: 250, status: '2.1.0', lines },
      ]);
    }),
  );
});
