import assert from 'node:assert/strict';
import { test } from 'node:test';
import { note } from '../../src/contract/index.ts';
import { EditList, NoteBook } from '../../src/hooks/index.ts';

test('edits are kept in the order in which they were asked for', () => {
  const edits = new EditList();
  edits.prependHeader('X-A', '1');
  edits.replaceHeader('Subject', 'ä');
  edits.removeHeader('X-B');
  assert.deepEqual(edits.all, [
    { kind: 'prepend', name: 'X-A', value: '1' },
    { kind: 'replace', name: 'Subject', value: 'ä' },
    { kind: 'remove', name: 'X-B' },
  ]);
});

test('a name or a value that could begin another field is refused with a throw', () => {
  const edits = new EditList();
  for (const name of ['', 'X A', 'X:', 'X\r\nY', 'Ä', 'x'.repeat(78)]) {
    assert.throws(() => edits.prependHeader(name, 'v'), TypeError, JSON.stringify(name));
    assert.throws(() => edits.removeHeader(name), TypeError);
  }
  for (const value of ['a\r\nB: c', 'a\n', 'a\r', 'a\0']) {
    assert.throws(() => edits.prependHeader('X', value), TypeError, JSON.stringify(value));
    assert.throws(() => edits.replaceHeader('X', value), TypeError);
  }
  assert.equal(edits.all.length, 0);
});

test("a message's notes see those of its connection and do not change them", () => {
  const result = note<string>('test/result');
  const connection = new NoteBook();
  const message = new NoteBook(connection);
  connection.set(result, 'outer');
  assert.equal(message.get(result), 'outer');
  message.set(result, 'inner');
  assert.deepEqual([message.get(result), connection.get(result)], ['inner', 'outer']);
  assert.deepEqual(message.toJSON(), { 'test/result': 'inner' });
});

test('a null note of a message hides that of its connection', () => {
  const result = note<string | null>('test/result');
  const connection = new NoteBook();
  connection.set(result, 'outer');
  const message = new NoteBook(connection);
  message.set(result, null);
  assert.equal(message.get(result), null);
});
