// Holds every dialogue of test/conformance/ in a house of its own, and checks what is delivered.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openHouse } from '@posthouse/core/testing';
import { dialogueFiles, houseOf } from '../support/conformance.ts';

for (const { name, title, text, house: line, delivers } of dialogueFiles()) {
  test(`${title} (${name})`, async () => {
    assert.match(
      title,
      /^(?:RFC \d+ §|Postfix X(?:CLIENT|FORWARD)_README )/,
      'the first line names the clause',
    );
    const { options, transport } = houseOf(line);
    await using house = await openHouse(options);
    await house.talk(text);
    if (delivers.length === 0) return;
    const messages = await transport.delivered(delivers.length);
    // Trace fields are ours: RFC 5321 §4.4.
    const contents = messages.map(({ content }) => content.replace(/^Received: .*?\r\n(?![ \t])/s, ''));
    assert.deepEqual(contents, delivers);
  });
}
