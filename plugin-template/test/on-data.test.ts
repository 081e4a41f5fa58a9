import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mount, pluginContract } from '@posthouse/core/testing';
import plugin from '../src/on-data.ts';

for (const { what, message, kind } of [
  { what: 'a word of the list is refused', message: 'Subject: Cheap PILLS\r\n\r\nHello\r\n', kind: 'reject' },
  { what: 'any other subject passes', message: 'Subject: Lunch\r\n\r\nHello\r\n', kind: 'continue' },
  { what: 'a message without a subject passes', message: 'To: ann@example.org\r\n\r\n', kind: 'continue' },
]) {
  test(what, async () => {
    await using mounted = await mount(plugin({ words: ['Pills'] }));
    const verdict = await mounted.ask('on-data', { message });
    assert.equal(verdict.kind, kind);
  });
}

pluginContract(() => plugin({ words: ['pills'] }));
