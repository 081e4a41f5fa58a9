// Nothing but CRLF.CRLF ends a message that comes in, however it is cut, by DATA and by BDAT (RFC 5321 §4.1.1.4).

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { definePlugin, Verdict } from '@posthouse/core';
import { deliverMemory, type OpenHouse, openHouse } from '@posthouse/core/testing';
import {
  BARE_LINE_END,
  FALSE_ENDS,
  FALSE_STARTS,
  named,
  PLACES,
  SMUGGLED,
} from '../support/smuggling-corpus.ts';

const accepts = definePlugin({
  name: 'accepts',
  setup: () => ({ hooks: { 'on-rcpt': () => Verdict.accept() } }),
});

const NORMALISES = { bareLf: 'normalise', bareCr: 'normalise', nul: 'accept' } as const;
const ENVELOPE = 'MAIL FROM:<a@client.example>\r\nRCPT TO:<b@ours.example>\r\n';

function house(policy: object = {}) {
  const transport = deliverMemory();
  const listeners = [{ name: 'mx', host: '127.0.0.1', port: 0, ...policy }];
  return openHouse({ listeners, plugins: [accepts(), transport] }).then((opened) => ({ opened, transport }));
}

let calls = 0;

/** Says the segments, one write each, and QUIT; what was answered to EHLO is left out. */
async function hold(opened: OpenHouse, segments: readonly string[]): Promise<readonly string[]> {
  // A client of its own each time: the house slows down those who often do wrong.
  calls += 1;
  const remoteAddress = `10.${calls >> 16}.${(calls >> 8) & 255}.${calls & 255}`;
  const stream = opened.connect({ remoteAddress });
  let heard = '';
  stream.on('data', (bytes: Buffer) => {
    heard += bytes.toString('latin1');
  });
  for (const segment of ['EHLO client.example\r\n', ...segments, 'QUIT\r\n'])
    stream.write(Buffer.from(segment, 'latin1'));
  await once(stream, 'end');
  stream.destroy();
  return heard
    .split('\r\n')
    .filter((line) => /^(?!250-|220 )\d{3} /.test(line))
    .slice(1);
}

const codes = (replies: readonly string[]): string => replies.map((line) => line.slice(0, 3)).join(' ');
const octetByOctet = (text: string): readonly string[] => [...text];

/** Every content of the corpus, with its false end. */
const CONTENTS: readonly (readonly [name: string, content: string, falseEnd: string])[] = [
  ...PLACES.flatMap(([place, content]) =>
    FALSE_ENDS.map((falseEnd) => [`${named(falseEnd)} ${place}`, content(falseEnd), falseEnd] as const),
  ).filter(([, content]) => !content.includes('\r\n.\r\n')),
  ...FALSE_STARTS.map(
    (start) => [`${named(start)} at the very start`, `${start}${SMUGGLED}\r\n`, start] as const,
  ),
];

/** The content as DATA carries it, the false end whole or octet by octet. */
function dataSegments(content: string, falseEnd: string): readonly (readonly string[])[] {
  const at = content.indexOf(falseEnd);
  const before = `${ENVELOPE}DATA\r\n${content.slice(0, at)}`;
  const behind = `${content.slice(at + falseEnd.length)}.\r\n`;
  return [[before + falseEnd + behind], [before, ...octetByOctet(falseEnd), behind]];
}

/** The content as BDAT carries it: one chunk, and two, cut at each octet of the false end. */
function chunkSegments(content: string, falseEnd: string): readonly (readonly string[])[] {
  const at = content.indexOf(falseEnd);
  const ways: string[][] = [[`${ENVELOPE}BDAT ${content.length} LAST\r\n${content}`]];
  for (let cut = at + 1; cut < at + falseEnd.length; cut++) {
    const rest = content.slice(cut);
    ways.push([`${ENVELOPE}BDAT ${cut}\r\n${content.slice(0, cut)}BDAT ${rest.length} LAST\r\n`, rest]);
  }
  return ways;
}

test('the corpus holds at least forty false ends', () => {
  assert.ok(FALSE_ENDS.length >= 40, String(FALSE_ENDS.length));
});

test('by DATA a false end earns the whole message one refusal, and nothing behind it is a command', async () => {
  const { opened } = await house();
  await using _ = opened;
  for (const [name, content, falseEnd] of CONTENTS) {
    for (const segments of dataSegments(content, falseEnd)) {
      const replies = await hold(opened, segments);
      assert.equal(codes(replies), '250 250 354 554 221', name);
      assert.match(replies[3] ?? '', /^554 5\.6\.0 /, name);
    }
  }
  assert.equal(opened.events('message-queued').length, 0);
});

// RFC 3030 §2: behind a refused chunk the transaction is over, and another chunk of it is 503.
test('by BDAT a false end, whole or over two chunks, earns a refusal and nothing is kept', async () => {
  const { opened } = await house();
  await using _ = opened;
  for (const [name, content, falseEnd] of CONTENTS) {
    for (const segments of chunkSegments(content, falseEnd)) {
      const replies = await hold(opened, segments);
      assert.match(codes(replies), /^250 250 (554|250 554|554 503) 221$/, name);
      assert.match(replies.find((reply) => reply.startsWith('554')) ?? '', /^554 5\.6\.0 /, name);
    }
  }
  assert.equal(opened.events('message-queued').length, 0);
});

for (const [way, segmentsOf] of [
  ['DATA', dataSegments],
  ['BDAT', chunkSegments],
] as const) {
  test(`normalised, each message by ${way} stays one, without a bare CR or LF`, async () => {
    const { opened, transport } = await house(NORMALISES);
    await using _ = opened;
    let sent = 0;
    for (const [name, content, falseEnd] of CONTENTS) {
      for (const segments of segmentsOf(content, falseEnd)) {
        const replies = await hold(opened, segments);
        assert.match(codes(replies), /^250 250 (354 |250 )?250 221$/, name);
        sent += 1;
      }
    }
    const messages = await transport.delivered(sent);
    assert.equal(messages.length, sent);
    for (const { sender, recipients, content } of messages) {
      assert.deepEqual([sender, recipients], ['a@client.example', ['b@ours.example']]);
      assert.doesNotMatch(content, BARE_LINE_END);
      assert.ok(content.endsWith(`${SMUGGLED}\r\n`));
    }
  });
}

/** RFC 3030 §3: whatever BODY says, the header section is lines. */
function headerOf(content: string): string {
  return /^.*?\r\n\r\n/s.exec(content)?.[0] ?? content;
}

test('a binary message keeps the octets of its body and stays one; in its header section a false end is refused', async () => {
  // Normalising is for lines: a binary message is kept as it is or not at all.
  const { opened, transport } = await house({ ...NORMALISES, binaryMime: true });
  await using _ = opened;
  const envelope = ENVELOPE.replace('>\r\n', '> BODY=BINARYMIME SMTPUTF8\r\n');
  const kept: string[] = [];
  for (const [name, content] of CONTENTS) {
    const broken = BARE_LINE_END.test(headerOf(content));
    if (!broken) kept.push(content);
    const half = content.indexOf('.');
    const [first, rest] = [content.slice(0, half), content.slice(half)];
    const cut = `${envelope}BDAT ${half}\r\n${first}BDAT ${rest.length} LAST\r\n${rest}`;
    if (broken) assert.match(codes(await hold(opened, [...cut])), /^250 250 (250 554|554 503) 221$/, name);
    const whole = `${envelope}BDAT ${content.length} LAST\r\n${content}`;
    assert.equal(codes(await hold(opened, [whole])), `250 250 ${broken ? 554 : 250} 221`, name);
  }
  const messages = await transport.delivered(kept.length);
  assert.equal(messages.length, kept.length);
  assert.ok(kept.length > 100 && kept.length < CONTENTS.length - 100);
  for (const [index, content] of kept.entries()) assert.ok(messages[index]?.content.endsWith(content));
});
