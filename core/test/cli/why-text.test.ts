import assert from 'node:assert/strict';
import { test } from 'node:test';
import { storyText } from '../../src/cli/why-text.ts';

test('who a message is from is one line, whatever the strangers have called themselves', () => {
  const facts = {
    session: 'S1',
    remoteAddress: '192.0.2.1',
    sender: 'ann@a.example',
    spf: { result: 'fail', domain: 'a.example', identity: 'mailfrom' },
    dkim: [
      { result: 'pass', domain: 'list.example', selector: 's', reason: '' },
      { result: 'fail', domain: 'a.ex\u001b[2Jample', selector: 's', reason: '' },
    ],
    arc: { result: 'none', sealers: [] },
    dmarc: {
      result: 'fail',
      from: 'a.example',
      record: 'v=DMARC1; p=reject',
      policyDomain: 'a.example',
      policy: 'reject',
    },
    applied: 'reject',
  };
  const story = { session: 'S1', events: [{ at: 0, name: 'message-authenticated', facts }] } as const;
  const line =
    storyText(story)
      .split('\n')
      .find((each) => each.includes('SPF')) ?? '';
  assert.match(
    line,
    /SPF fail a\.example; DKIM pass list\.example; DKIM fail a\.ex\S+ample; ARC none; DMARC fail a\.example \(p=reject\)$/,
  );
  assert.ok(!line.includes('\u001b'));
});
