// Whatever a message holds, what leaves the house is read by the most lenient next hop as by the strictest one: each
// message is one message (RFC 5321 §4.1.1.4), the notices that quote it included.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { definePlugin, Verdict } from '@posthouse/core';
import { openHouse } from '@posthouse/core/testing';
import deliverLmtp from '@posthouse/deliver-lmtp';
import deliverSmtp from '@posthouse/deliver-smtp';
import { LENIENCIES, type LenientHop, lenientHop, reading, STRICT } from '../support/lenient-hop.ts';
import { FALSE_ENDS, FALSE_STARTS, PLACES, SMUGGLED } from '../support/smuggling-corpus.ts';

const accepts = definePlugin({
  name: 'accepts',
  setup: () => ({ hooks: { 'on-rcpt': () => Verdict.accept() } }),
});

/** Rewrites header and body, and begins and ends both with what could be an end of data. */
const rewrites = definePlugin({
  name: 'rewrites',
  setup: () => ({
    hooks: {
      'on-data': ({ message, edits }) => {
        const subject = message.headers.first('Subject')?.replace(/\p{Cc}/gu, '') ?? '';
        edits.replaceHeader('Subject', `. ${subject} .`);
        edits.prependHeader('X-Dot', '.');
        edits.rewriteBody(async function* (body) {
          yield Buffer.from('.\r\n.\r\n');
          yield* body;
          yield Buffer.from('\r\n.\r\n.');
        });
      },
    },
  }),
});

/** Resolves when every recipient of every message and of every notice is settled. */
class Ledger {
  accepted = 0;
  failed = 0;
  notices = 0;
  dropped = 0;
  #open = 0;
  #wake: (() => void) | undefined;

  readonly plugin = definePlugin({
    name: 'ledger',
    setup: () => ({
      observe: {
        'message-queued': ({ recipients }) => {
          this.accepted += 1;
          this.#open += recipients.length;
        },
        // Who failed is settled when the sender has been told, or cannot be.
        'recipient-settled': ({ outcome }) => {
          assert.notEqual(outcome.kind, 'deferred');
          if (outcome.kind === 'failed') this.failed += 1;
          else this.#close(1);
        },
        'notice-queued': ({ recipients }) => {
          this.notices += 1;
          this.#close(recipients.length - 1);
        },
        'notice-dropped': ({ recipients }) => {
          this.dropped += 1;
          this.#close(recipients.length);
        },
      },
    }),
  })();

  async settled(): Promise<void> {
    while (this.#open > 0)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }

  #close(recipients: number): void {
    this.#open -= recipients;
    this.#wake?.();
  }
}

const CONTENTS = [
  ...PLACES.flatMap(([, content]) => FALSE_ENDS.map(content)),
  ...FALSE_STARTS.map((start) => `${start}${SMUGGLED}\r\n`),
].filter((content) => !content.includes('\r\n.\r\n'));

type Way = (content: string) => string;
const byData: Way = (content) => `DATA\r\n${content}.\r\n`;
const byBdat: Way = (content) => `BDAT ${content.length} LAST\r\n${content}`;
const byTwoChunks: Way = (content) => {
  const half = content.indexOf('.') + 1;
  const rest = content.slice(half);
  return `BDAT ${half}\r\n${content.slice(0, half)}BDAT ${rest.length} LAST\r\n${rest}`;
};

interface Variant {
  readonly way: Way;
  /** Where the listener does not refuse. */
  readonly policy?: object;
  readonly parameters?: string;
  readonly plugins?: readonly ReturnType<typeof rewrites>[];
  readonly protocol?: 'smtp' | 'lmtp';
  /** The hop offers CHUNKING and BINARYMIME. */
  readonly binaryHop?: boolean;
  /** An octet beyond ASCII in the header section of each message. */
  readonly eightBit?: boolean;
}

/** Sends the corpus in one session, and resolves when all that comes of it has left the house. */
async function relay(hop: LenientHop, variant: Variant): Promise<Ledger> {
  const { way, policy, parameters = '', plugins = [], protocol = 'smtp', eightBit = false } = variant;
  const ledger = new Ledger();
  const transport =
    protocol === 'smtp'
      ? deliverSmtp({ smarthost: `[127.0.0.1]:${hop.port}`, tls: 'none' })
      : deliverLmtp({
          domains: ['ours.example', 'client.example'],
          host: '127.0.0.1',
          port: hop.port,
          tls: 'none',
        });
  await using house = await openHouse({
    listeners: [{ name: 'mx', host: '127.0.0.1', port: 0, ...policy }],
    limits: { messagesPerSession: 10_000 },
    plugins: [accepts(), ledger.plugin, ...plugins, transport],
  });
  const stream = house.connect();
  stream.resume();
  const said = CONTENTS.map((content) => {
    const whole = eightBit ? `X-Bits: \xc3\xa9\r\n${content}` : content;
    return `RSET\r\nMAIL FROM:<a@client.example>${parameters}\r\nRCPT TO:<b@ours.example>\r\n${way(whole)}`;
  });
  stream.end(Buffer.from(`EHLO client.example\r\n${said.join('')}QUIT\r\n`, 'latin1'));
  await once(stream, 'end');
  stream.destroy();
  await ledger.settled();
  await house.stop();
  return ledger;
}

/** All hops agree about the octets, and nobody is spoken for but the sender and the recipient. */
function assertUnambiguous({ streams }: LenientHop, expected: number): void {
  let messages = 0;
  for (const stream of streams) {
    const strict = reading(stream, STRICT);
    messages += strict.messages;
    for (const leniency of LENIENCIES) assert.deepEqual(reading(stream, leniency), strict, leniency.name);
    for (const command of strict.commands) {
      assert.match(command, /^(?:[EL]HLO|MAIL|RCPT|DATA|BDAT|RSET|QUIT)\b/);
      assert.doesNotMatch(command, /smuggler|victim/);
    }
  }
  assert.equal(messages, expected);
}

const POLICIES = (['refuse', 'normalise'] as const).flatMap((bareLf) =>
  (['refuse', 'normalise'] as const).flatMap((bareCr) =>
    (['refuse', 'accept'] as const).map((nul) => ({ bareLf, bareCr, nul })),
  ),
);
const NORMALISES = { bareLf: 'normalise', bareCr: 'normalise', nul: 'accept' } as const;

test('the corpus is read as two messages by each kind of leniency, where nothing is done about it', () => {
  for (const leniency of LENIENCIES.filter(({ name }) => name !== 'CRLF.CRLF')) {
    const smuggles = CONTENTS.some((content) => {
      const stream = `DATA\r\n${content}.\r\nQUIT\r\n`;
      return reading(stream, leniency).commands.includes('RCPT TO:<victim@ours.example>');
    });
    assert.ok(smuggles, leniency.name);
  }
});

for (const policy of POLICIES) {
  const name = Object.entries(policy)
    .map(([what, answer]) => `${what} ${answer}`)
    .join(', ');
  test(`with ${name}, what is taken by DATA and BDAT leaves as one message each`, async () => {
    for (const way of [byData, byBdat, byTwoChunks]) {
      await using hop = await lenientHop();
      const { accepted, failed, notices, dropped } = await relay(hop, { way, policy });
      assert.equal(
        accepted > 0,
        Object.values(policy).some((answer) => answer !== 'refuse'),
      );
      assert.deepEqual({ notices, dropped }, { notices: failed, dropped: 0 });
      assertUnambiguous(hop, accepted);
    }
  });
}

const BINARY = { policy: { binaryMime: true }, parameters: ' BODY=BINARYMIME' };
const VARIANTS: readonly (readonly [name: string, variant: Variant])[] = [
  ['by DATA, rewritten by a plugin', { way: byData, policy: NORMALISES, plugins: [rewrites()] }],
  ['by BDAT, rewritten by a plugin', { way: byBdat, policy: NORMALISES, plugins: [rewrites()] }],
  ['by DATA, with SMTPUTF8', { way: byData, policy: NORMALISES, parameters: ' SMTPUTF8', eightBit: true }],
  ['by BDAT, with SMTPUTF8', { way: byBdat, policy: NORMALISES, parameters: ' SMTPUTF8', eightBit: true }],
  ['whole in its bounce', { way: byData, policy: NORMALISES, parameters: ' RET=FULL' }],
  ['by DATA, to an LMTP server', { way: byData, policy: NORMALISES, protocol: 'lmtp' }],
  ['by BDAT, to an LMTP server', { way: byBdat, policy: NORMALISES, protocol: 'lmtp' }],
  ['as binary', { way: byBdat, ...BINARY }],
  ['as binary, to a hop that takes binary messages', { way: byBdat, ...BINARY, binaryHop: true }],
  ['as binary, in two chunks', { way: byTwoChunks, ...BINARY, binaryHop: true }],
  ['as binary, rewritten by a plugin', { way: byBdat, ...BINARY, binaryHop: true, plugins: [rewrites()] }],
  ['as binary, to an LMTP server', { way: byBdat, ...BINARY, binaryHop: true, protocol: 'lmtp' }],
];

for (const [name, variant] of VARIANTS) {
  test(`the corpus ${name} leaves as one message each`, async () => {
    await using hop = await lenientHop(variant.binaryHop ? { binary: true } : {});
    const { accepted, failed, notices, dropped } = await relay(hop, variant);
    assert.ok(accepted > 100, String(accepted));
    assert.deepEqual({ notices, dropped }, { notices: failed, dropped: 0 });
    assertUnambiguous(hop, accepted);
  });
}
