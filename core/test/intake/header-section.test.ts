import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Edit } from '../../src/hooks/index.ts';
import {
  editHeader,
  formatField,
  headerEnd,
  ParsedHeaders,
  surveyHeader,
} from '../../src/intake/header-section.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const edited = (header: string, ...edits: Edit[]): string =>
  Buffer.from(editHeader(bytes(header), edits)).toString('latin1');
const remove = (name: string): Edit => ({ kind: 'remove', name });
const replace = (name: string, value: string): Edit => ({ kind: 'replace', name, value });

const HEADER = [
  'Received: from a\r\n\tby b; now\r\n',
  'Subject:no space\r\n',
  'X-Odd :  spaces  \r\n',
  'From someone who wrote no colon\r\n',
  'X-8bit: caf\xc3\xa9 \xff\r\n',
  'subject: second\r\n',
  'X-Empty:\r\n',
  'X-Fold:\r\n folded\r\n\t more\r\n',
].join('');

test('what no edit touches stays octet for octet', () => {
  assert.equal(edited(HEADER), HEADER);
  assert.equal(edited(HEADER, remove('Nothing'), remove('8bit')), HEADER);
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', ':', ' ', '\t', '\r\n', '\n', '\r', '\xff', 'Subject: x\r\n'), {
        maxLength: 40,
      }),
      (parts) => {
        assert.equal(edited(parts.join(''), remove('Missing')), parts.join(''));
      },
    ),
  );
});

test('removing takes every field of the name, folded lines with it, and nothing else', () => {
  assert.equal(
    edited(HEADER, remove('SUBJECT')),
    HEADER.replace('Subject:no space\r\n', '').replace('subject: second\r\n', ''),
  );
  assert.equal(edited(HEADER, remove('X-Fold')), HEADER.replace('X-Fold:\r\n folded\r\n\t more\r\n', ''));
  assert.equal(edited(HEADER, remove('x-odd')), HEADER.replace('X-Odd :  spaces  \r\n', ''));
});

test('removing may choose among the fields of the name', () => {
  const which = ({ value }: { value: string }): boolean => value === 'second';
  assert.equal(
    edited(HEADER, { kind: 'remove', name: 'Subject', which }),
    HEADER.replace('subject: second\r\n', ''),
  );
});

test('replacing puts one field at the place of the first, or at the end', () => {
  const expected = HEADER.replace('Subject:no space\r\n', 'Subject: new\r\n').replace(
    'subject: second\r\n',
    '',
  );
  assert.equal(edited(HEADER, replace('Subject', 'new')), expected);
  assert.equal(edited(HEADER, replace('X-New', 'v')), `${HEADER}X-New: v\r\n`);
  assert.equal(edited('', replace('X-New', 'v')), 'X-New: v\r\n');
});

test('edits are made in their order', () => {
  assert.equal(edited('A: 1\r\n', remove('A'), replace('A', '2'), replace('A', '3')), 'A: 3\r\n');
  assert.equal(edited('A: 1\r\n', replace('A', '2'), remove('A')), '');
});

test('a replaced value beyond ASCII is UTF-8', () => {
  assert.equal(edited('', replace('X', 'é')), 'X: \xc3\xa9\r\n');
});

test('plugins read values unfolded, trimmed and decoded, in order', () => {
  const headers = new ParsedHeaders(bytes(HEADER));
  assert.deepEqual(headers.all('Subject'), ['no space', 'second']);
  assert.equal(headers.first('x-ODD'), 'spaces');
  assert.equal(headers.first('X-Fold'), 'folded\t more');
  assert.equal(headers.first('X-Empty'), '');
  assert.equal(headers.first('X-8bit'), 'café \ufffd');
  assert.equal(headers.first('Missing'), undefined);
  assert.equal([...headers].length, 7, 'the line without a colon is no field');
  assert.equal(new ParsedHeaders(bytes('__proto__: x\r\n')).first('__proto__'), 'x');
});

test('a long value is folded at its spaces, and reads the same again', () => {
  const words = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\t', ';', 'é'), maxLength: 30 }), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(words, (list) => {
      const value = list.join(' ').trim();
      const field = formatField('X-Long', value);
      assert.ok(field.endsWith('\r\n'));
      for (const line of field.slice(0, -2).split('\r\n').slice(1))
        assert.match(line, /^ .*[^ \t]/, 'no line of white space alone');
      assert.equal(new ParsedHeaders(Buffer.from(field)).first('X-Long'), value);
    }),
  );
  assert.ok(
    formatField('X', 'word '.repeat(50))
      .split('\r\n')
      .every((line) => line.length <= 78),
  );
});

test('the end of the section is found at the first empty line', () => {
  assert.equal(headerEnd(bytes('\r\nbody')), 0);
  assert.equal(headerEnd(bytes('A: b\r\n\r\n')), 6);
  assert.equal(headerEnd(bytes('A: b\r\nc\r\n')), -1);
  const text = 'A: b\r\nC: d\r\n\r\n\r\n';
  for (let from = 0; from < 14; from++) assert.equal(headerEnd(bytes(text), from), 12, `resumed at ${from}`);
});

test('a survey counts fields and Received at line starts only, and unfolds the first Content-Type', () => {
  const header =
    'Received: a\r\nRECEIVED: b\r\n received: folded\r\nX-Received: c\r\nReceivedx: d\r\nreceived:e\r\n' +
    'content-TYPE: multipart/mixed;\r\n\tboundary=x\r\nContent-Type: text/plain\r\n';
  assert.deepEqual(surveyHeader(bytes(header)), {
    fields: 7,
    received: 3,
    results: false,
    contentType: 'multipart/mixed;\tboundary=x',
  });
  const nothing = { received: 0, results: false, contentType: '' };
  assert.deepEqual(surveyHeader(bytes('Receiv')), { fields: 1, ...nothing });
  assert.deepEqual(surveyHeader(bytes('')), { fields: 0, ...nothing });
  const results = 'X: authentication-results: a\r\nAUTHENTICATION-results :b\r\n';
  assert.deepEqual(surveyHeader(bytes(results)), { fields: 2, ...nothing, results: true });
});
