// What setup returned, judged: a table of mistakes, each with the sentence that the author reads.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definePlugin, QueueStore } from '../../src/contract/index.ts';
import { checkBody } from '../../src/server/body-check.ts';

const plugin = { name: 'hello', spec: definePlugin({ name: 'hello', setup: () => ({}) }).plugin };
const resolved = (spec = plugin.spec) => ({ ...plugin, spec }) as Parameters<typeof checkBody>[0];
const nothing = (): undefined => undefined;

const mistakes: readonly (readonly [body: unknown, sentence: string])[] = [
  [undefined, 'undefined'],
  [null, 'null'],
  [Promise.resolve({}), 'a promise; setup wires at once, start may be async'],
  [{ hook: {} }, 'hook, which is nothing that a plugin has; did you mean hooks?'],
  [{ describe: 'words' }, 'describe: string, where function belongs'],
  [{ hooks: null }, 'hooks: null, where object belongs'],
  [{ hooks: { 'on-rctp': nothing } }, 'the hook on-rctp, which there is not; did you mean on-rcpt?'],
  [{ hooks: { onRcpt: nothing } }, 'the hook onRcpt, which there is not; did you mean on-rcpt?'],
  [{ hooks: { 'on-helo': nothing } }, 'the hook on-helo, which there is not'],
  [{ hooks: { 'on-rcpt': true } }, 'on-rcpt: boolean, where a function or { order, handler } belongs'],
  [
    { hooks: { 'on-data': { order: 'late' } } },
    'on-data: object, where a function or { order, handler } belongs',
  ],
  [{ hooks: { 'on-deliver': nothing } }, 'on-deliver: function, where { claim, deliver } belongs'],
];

for (const [body, sentence] of mistakes) {
  test(`setup may not return ${sentence}`, () => {
    assert.throws(() => checkBody(resolved(), body), {
      code: 'plugin-invalid',
      message: `setup of plugin hello returned ${sentence}`,
    });
  });
}

test('a service that was promised must be there', () => {
  const spec = { ...plugin.spec, provides: { queue: QueueStore } };
  assert.throws(
    () => checkBody(resolved(spec), {}),
    /no services\.queue, and promises the service QueueStore/,
  );
});

test('what a plugin may have passes, also where a key is undefined', () => {
  checkBody(resolved(), {
    hooks: {
      'on-connect': undefined,
      'on-rcpt': nothing,
      'on-data': { order: 'late', handler: nothing },
      'on-deliver': { claim: nothing, deliver: nothing },
    },
    observe: {},
    describe: nothing,
    start: nothing,
    rehearse: 'start',
    stop: undefined,
  });
});
