import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mount, pluginContract } from '@posthouse/core/testing';
import plugin from '../src/on-connect.ts';

for (const { what, remoteAddress, kind } of [
  { what: 'a client at a refused address is refused', remoteAddress: '192.0.2.1', kind: 'reject' },
  { what: 'any other client passes', remoteAddress: '192.0.2.2', kind: 'continue' },
]) {
  test(what, async () => {
    await using mounted = await mount(plugin({ refused: ['192.0.2.1'] }));
    const verdict = await mounted.ask('on-connect', { session: { remoteAddress } });
    assert.equal(verdict.kind, kind);
  });
}

pluginContract(() => plugin({ refused: ['192.0.2.1'] }));
