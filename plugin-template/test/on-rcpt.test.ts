import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mount, pluginContract } from '@posthouse/core/testing';
import plugin from '../src/on-rcpt.ts';

for (const { what, recipient, kind } of [
  { what: 'an address of the list is accepted', recipient: 'Ann@example.org', kind: 'accept' },
  { what: 'of any other nothing is said', recipient: 'bob@example.org', kind: 'continue' },
]) {
  test(what, async () => {
    await using mounted = await mount(plugin({ addresses: ['ann@Example.org'] }));
    const verdict = await mounted.ask('on-rcpt', { recipient });
    assert.equal(verdict.kind, kind);
  });
}

pluginContract(() => plugin({ addresses: ['ann@example.org'] }));
