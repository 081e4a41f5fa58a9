// Frames, answers, terms and places: values in, values out.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readAnswer } from '../src/answer.ts';
import { type Frame, FrameReader, MAX_FRAME } from '../src/frame-reader.ts';
import { GatheredBody } from '../src/gathered-body.ts';
import { readTerms } from '../src/negotiation.ts';
import { placeOf } from '../src/place.ts';
import { Nonsense } from '../src/protocol.ts';
import { answer, uint32 } from './scripted-milter.ts';

/** The frames of some octets that arrive in pieces; or what was thrown. */
function read(octets: Buffer, cuts: readonly number[]): readonly Frame[] | Error {
  const reader = new FrameReader();
  const frames: Frame[] = [];
  try {
    let at = 0;
    for (const cut of [...cuts, octets.length]) {
      frames.push(...reader.receive(Buffer.from(octets.subarray(at, at + cut))));
      at += cut;
    }
  } catch (error) {
    return error as Error;
  }
  return frames;
}

test('frames come out the same however they are cut', () => {
  const frames = fc.array(fc.tuple(fc.constantFrom('c', 'h', 'b', '\0'), fc.uint8Array({ maxLength: 40 })));
  fc.assert(
    fc.property(frames, fc.array(fc.nat({ max: 9 })), (list, cuts) => {
      const octets = Buffer.concat(list.map(([letter, data]) => answer(letter, Buffer.from(data))));
      const expected = list.map(([letter, data]) => ({ letter, data: Buffer.from(data) }));
      assert.deepEqual(read(octets, cuts), expected);
    }),
  );
});

test('of any octets come frames or Nonsense, and of any frame an answer or Nonsense', () => {
  const lawful = (work: () => unknown): void => {
    try {
      work();
    } catch (error) {
      assert.ok(error instanceof Nonsense, String(error));
    }
  };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.array(fc.nat({ max: 9 })), (bytes, cuts) => {
      const found = read(Buffer.from(bytes), cuts);
      assert.ok(Array.isArray(found) || found instanceof Nonsense, String(found));
    }),
  );
  const letters = [...'carstdpy4fhimb+-eqOZ\0'];
  fc.assert(
    fc.property(fc.constantFrom(...letters), fc.uint8Array({ maxLength: 60 }), (letter, bytes) => {
      const frame = { letter, data: Buffer.from(bytes) };
      lawful(() => readAnswer(frame));
      lawful(() => readTerms(frame, ['quarantine']));
    }),
    { numRuns: 500 },
  );
});

test('a frame of no length, or of too much, is none, before any of it is kept', () => {
  for (const length of [0, MAX_FRAME + 1, 0xffffffff])
    assert.throws(() => new FrameReader().receive(uint32(length)), Nonsense);
});

const frameOf = (letter: string, text: string): Frame => ({ letter, data: Buffer.from(text, 'latin1') });

for (const [letter, text, expected] of [
  ['y', '550 5.7.1 No thanks\0', { kind: 'reply', code: 550, status: '5.7.1', text: 'No thanks' }],
  ['y', '451 Later\0', { kind: 'reply', code: 451, text: 'Later' }],
  ['y', '550-5.7.1 One\r\n550 5.7.1 Two\0', { kind: 'reply', code: 550, status: '5.7.1', text: 'One Two' }],
  ['y', '550\0', { kind: 'reply', code: 550, text: '' }],
  ['h', 'X-A\0 b\0', { kind: 'add-header', name: 'X-A', value: 'b' }],
  ['h', 'X-A\0b\n\tc\0', { kind: 'add-header', name: 'X-A', value: 'b\r\n\tc' }],
  ['h', 'X-A\0\xc3\xa4\0', { kind: 'add-header', name: 'X-A', value: 'ä' }],
  ['h', 'X-A\0\xe4\0', { kind: 'add-header', name: 'X-A', value: 'ä' }],
  ['i', '\0\0\0\x01X\0y\0', { kind: 'insert-header', index: 1, name: 'X', value: 'y' }],
  ['m', '\0\0\0\x02Subject\0\0', { kind: 'change-header', index: 2, name: 'Subject', value: '' }],
  ['+', '<bob@x.example>\0', { kind: 'add-recipient', address: 'bob@x.example' }],
  ['e', '<>\0SIZE=1\0', { kind: 'change-sender', address: '' }],
  ['q', 'odd\0', { kind: 'quarantine', reason: 'odd' }],
] as const) {
  test(`an answer ${letter} ${JSON.stringify(text)} is read`, () => {
    assert.deepEqual(readAnswer(frameOf(letter, text)), expected);
  });
}

for (const [letter, text] of [
  ['y', '250 2.0.0 Yes\0'],
  ['y', '550 4.7.1 Mixed\0'],
  ['y', '599 What\0'],
  ['y', '550-a\r\n551 b\0'],
  ['y', 'No\0'],
  ['y', '550 5.7.1 no end'],
  ['h', 'X A\0b\0'],
  ['h', 'X\0b\nBcc: c\0'],
  ['h', 'X\0b\n \n c\0'],
  ['h', 'X\0b\rc\0'],
  ['h', 'X\0b'],
  ['i', '\0\0'],
  ['m', ''],
  ['Z', ''],
] as const) {
  test(`an answer ${letter} ${JSON.stringify(text)} is nonsense`, () => {
    assert.throws(() => readAnswer(frameOf(letter, text)), Nonsense);
  });
}

test('the terms: what a milter asks for beyond the offer is refused', () => {
  const terms = (...numbers: number[]) =>
    readTerms({ letter: 'O', data: Buffer.concat(numbers.map(uint32)) }, ['quarantine', 'add-headers']);
  assert.deepEqual(terms(6, 0x21, 0x1), { version: 6, actions: 0x21, steps: 1, macros: {} });
  assert.throws(() => terms(6, 0x2, 0), /actions/);
  assert.throws(() => terms(7, 0, 0), /version/);
  assert.throws(() => terms(1, 0, 0), /version/);
  assert.throws(() => terms(6, 0, 0x800000), /steps/);
  assert.throws(() => terms(6, 0), Nonsense);
});

test('where milters listen, in the words of milters and of mail servers', () => {
  for (const at of ['/run/m.sock', 'unix:/run/m.sock', 'local:/run/m.sock'])
    assert.deepEqual(placeOf(at), { path: '/run/m.sock' });
  for (const at of ['mail.example:8891', 'inet:mail.example:8891', 'inet:8891@mail.example'])
    assert.deepEqual(placeOf(at), { host: 'mail.example', port: 8891 });
  for (const at of ['[::1]:8891', 'inet6:8891@[::1]', 'inet6:8891@::1'])
    assert.deepEqual(placeOf(at), { host: '::1', port: 8891 });
  for (const at of ['', 'x', 'm.sock', 'host:0', 'host:65536', 'http://x:1', 'a b:1'])
    assert.equal(placeOf(at), undefined, at);
});

test('a body is gathered from pieces of any size, up to its bound', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 200_000 }), { maxLength: 5 }), (sizes) => {
      const pieces = sizes.map((size, index) => Buffer.alloc(size, index));
      const body = new GatheredBody(10_000_000);
      for (const piece of pieces) body.add(piece);
      const gathered = body.octets();
      if (pieces.length === 0) assert.equal(gathered, undefined);
      else assert.ok(Buffer.concat(pieces).equals(gathered as Buffer));
    }),
    { numRuns: 30 },
  );
  const small = new GatheredBody(3);
  small.add(Buffer.from('abc'));
  assert.throws(() => small.add(Buffer.from('d')), Nonsense);
});
