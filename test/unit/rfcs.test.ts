// core/docs/rfcs.md says what is done: the dialogue files, and what EHLO advertises.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ehloKeywords } from '@posthouse/core/smtp';
import { dialogueFiles } from '../support/conformance.ts';

const page = readFileSync(fileURLToPath(new URL('../../../core/docs/rfcs.md', import.meta.url)), 'utf8');

test('the table of clauses is the list of dialogue files', () => {
  const rows = [...page.matchAll(/^\| ((?:RFC|Postfix) .*?) *\| `(.*?)` *\|$/gm)].map(([, title, name]) => [
    name,
    title,
  ]);
  assert.deepEqual(
    rows,
    dialogueFiles().map(({ name, title }) => [name, title]),
  );
});

test('the page names what EHLO advertises, and no more', () => {
  const line = /^EHLO advertises: ([^.]*)/m.exec(page)?.[1] ?? '';
  const offered = {
    messageSize: 1,
    recipients: 1,
    messagesPerSession: 1,
    binaryMime: true,
    startTls: true,
    auth: ['PLAIN'],
    xclient: 'offered',
  } as const;
  const keywords = ehloKeywords(offered).map((keyword) => keyword.split(' ')[0]);
  assert.deepEqual(
    [...line.matchAll(/`([A-Z0-9]+)`/g)].map((match) => match[1]),
    keywords,
  );
});
