// The line of a lane: a table of who waits, and in which order they go.

import assert from 'node:assert/strict';
import test from 'node:test';
import type { MessageRecord, QueueItem } from '../../src/contract/index.ts';
import type { Pending } from '../../src/delivery/agenda.ts';
import { Line, urgencyOf } from '../../src/delivery/line.ts';

function pending(id: string, more: Partial<QueueItem> = {}): Pending {
  return { item: { id, attempts: 0, ...more } as QueueItem, message: {} as MessageRecord, body: undefined };
}

const high = { priority: 'high' } as const;
const bulk = { priority: 'bulk' } as const;

const taken = (line: Line, count = line.length): string =>
  Array.from({ length: count }, () => line.take().item.id).join('');

test('urgent mail, then what is tried for the first time, then bulk and what was put off before', () => {
  const table: readonly (readonly [Partial<QueueItem>, number])[] = [
    [{}, 1],
    [{ attempts: 1 }, 2],
    [{ priority: 'normal' }, 1],
    [{ priority: 'high' }, 0],
    [{ priority: 'high', attempts: 7 }, 0],
    [{ priority: 'bulk' }, 2],
  ];
  for (const [item, urgency] of table) assert.equal(urgencyOf(pending('x', item).item), urgency);
});

test('items of one urgency keep their order', () => {
  const line = new Line();
  for (const id of 'abcdef') line.push(pending(id));
  assert.equal(taken(line, 3), 'abc');
  line.push(pending('g'));
  assert.equal(taken(line), 'defg');
});

test('of ten in a full lane seven are urgent, two fresh and one is bulk, and nobody is shut out', () => {
  const line = new Line();
  for (let each = 0; each < 100; each++) {
    line.push(pending('b', bulk));
    line.push(pending('n'));
    line.push(pending('H', high));
  }
  const ten = taken(line, 10);
  assert.deepEqual(
    ['H', 'n', 'b'].map((id) => ten.split(id).length - 1),
    [7, 2, 1],
  );
  assert.equal(ten[0], 'H');
  assert.equal(line.length, 290);
  assert.deepEqual([line.ahead(0), line.ahead(1), line.ahead(2)], [93, 191, 290]);
});

test('the last ones are cut off, bulk first, and a certain one is taken out wherever it stands', () => {
  const line = new Line();
  line.push(pending('b', bulk));
  for (const id of 'no') line.push(pending(id));
  line.push(pending('H', high));
  assert.deepEqual(
    line.cutBehind(2).map(({ item }) => item.id),
    ['o', 'b'],
  );
  assert.equal(line.remove('x'), undefined);
  assert.equal(line.remove('n')?.item.id, 'n');
  assert.equal(line.clear()[0]?.item.id, 'H');
  assert.equal(line.length, 0);
});

test('what is put back is the first of its urgency again', () => {
  const line = new Line();
  for (const id of 'abc') line.push(pending(id));
  const first = line.take();
  line.putBack(first);
  assert.equal(taken(line), 'abc');
});
