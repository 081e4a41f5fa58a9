// The page of each hook says what the code does: its answers and what its silence means.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { allowedKinds, type Hook, hookNames } from '@posthouse/core';

const docs = fileURLToPath(new URL('./docs/', import.meta.resolve('@posthouse/core/package.json')));

const ANSWERS: { readonly [H in Hook]: ReadonlySet<string> } = {
  ...allowedKinds,
  'on-deliver': new Set(['delivered', 'deferred', 'failed', 'redirected', 'discarded']),
};
/** As hooks/defaults.ts has it; the runner's own tests hold that file to it. */
const SILENCE: { readonly [H in Hook]: string } = {
  'on-connect': 'accept',
  'on-mail-from': 'accept',
  'on-rcpt': 'reject',
  'on-data': 'accept',
  'on-deliver': 'deferred',
};

for (const hook of hookNames) {
  const page = readFileSync(`${docs}hooks/${hook}.md`, 'utf8');

  test(`the page of ${hook} names every answer that the hook may give, and no other`, () => {
    const line = /^\*\*May answer:\*\* (.*)$/m.exec(page)?.[1] ?? '';
    const named = [...line.matchAll(/`([a-z-]+)`/g)].map((match) => match[1] as string);
    assert.deepEqual(new Set(named), new Set(ANSWERS[hook]));
  });

  test(`the page of ${hook} says what silence means`, () => {
    const line = /^\*\*Silence means:\*\* `([a-z-]+)`/m.exec(page)?.[1];
    assert.equal(line, SILENCE[hook]);
  });
}
