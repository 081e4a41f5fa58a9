import assert from 'node:assert/strict';
import { test } from 'node:test';
import { columns, visible } from '../../src/cli/columns.ts';
import { entryText, pageText } from '../../src/cli/queue-text.ts';
import type { QueueEntry } from '../../src/contract/index.ts';

const HOUR = 3_600_000;
const entry: QueueEntry = {
  item: {
    id: 'I1',
    message: 'M1',
    transport: 'deliver-smtp',
    destination: 'example.org',
    recipients: [{ address: 'ann@example.org' }, { address: 'bob@example.org' }],
    state: 'waiting',
    reason: { kind: 'deferred', status: '4.4.1', text: 'no \u001b[31manswer\r\nfrom \u202ehost', at: 0 },
    attempts: 3,
    due: 2 * HOUR,
    expires: 100 * HOUR,
  },
  message: {
    id: 'M1',
    sender: '',
    arrivedAt: 0,
    size: 4300,
    head: '',
    parameters: {},
    origin: { session: 'S1', listener: 'mx', remoteAddress: '192.0.2.1', helo: 'a\u0007b' },
    notes: {},
  },
};

test('a page is a table, in which text from outside stays on its line', () => {
  assert.equal(
    pageText({ entries: [entry], next: 'I1' }, HOUR),
    [
      'ITEM  AGE  SIZE     TRIES  NEXT   SENDER  RECIPIENTS          VIA                       WHY',
      'I1    1h   4.2 KiB  3      in 1h  <>      ann@example.org +1  deliver-smtp example.org  4.4.1 no \\u{1b}[31manswer\\u{d}\\u{a}from \\u{202e}host',
      'More follows: --after I1',
      '',
    ].join('\n'),
  );
  assert.equal(pageText({ entries: [], next: undefined }, 0), 'The queue is empty.\n');
  assert.equal(pageText({ entries: [], next: undefined }, 0, true), 'Nothing in the queue fits.\n');
});

test('an entry is told in full', () => {
  const text = entryText(
    { ...entry, item: { ...entry.item, state: 'held', transport: null, destination: '' } },
    HOUR,
  );
  assert.match(text, /^from {7}192\.0\.2\.1, a\\u\{7\}b, mx, S1$/m);
  assert.match(text, /^recipient {2}bob@example\.org$/m);
  assert.match(text, /^via {8}no route$/m);
  assert.match(text, /^next {7}when somebody decides$/m);
});

test('columns are as wide as their widest cell, and nothing trails', () => {
  assert.equal(
    columns(
      ['A', 'B'],
      [
        ['long one', ''],
        ['x', 'y'],
      ],
    ),
    'A         B\nlong one\nx         y\n',
  );
  assert.equal(visible('ünïcode ✓ \u0000\u2028'), 'ünïcode ✓ \\u{0}\\u{2028}');
});
