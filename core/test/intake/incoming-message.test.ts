import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Limits, type MessageDraft, PosthouseError } from '../../src/contract/index.ts';
import { Backlog } from '../../src/intake/backlog.ts';
import { IncomingMessage } from '../../src/intake/incoming-message.ts';

const LIMITS = {
  headerSize: 1000,
  headerFields: 200,
  receivedFields: 100,
  mimeDepth: 100,
  mimeParts: 1000,
} as Limits;

interface FakeDraft extends MessageDraft {
  readonly written: readonly Uint8Array[];
  readonly discarded: boolean;
}

function fakeDraft(overrides: Partial<MessageDraft> = {}): FakeDraft {
  const written: Uint8Array[] = [];
  let discarded = false;
  const discard = (): void => {
    discarded = true;
  };
  return {
    written,
    get discarded() {
      return discarded;
    },
    write: (bytes) => void written.push(bytes),
    finish: () => ({
      size: 0,
      inMemory: written,
      discard,
      async *open() {
        yield* written;
      },
    }),
    discard,
    ...overrides,
  };
}

function received(text: string, chunk = text.length, limits: Partial<Limits> = {}): IncomingMessage {
  const message = new IncomingMessage(fakeDraft(), { ...LIMITS, ...limits }, new Backlog(1e6));
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length; at += chunk)
    void message.write(Buffer.from(bytes.subarray(at, at + chunk)));
  void message.finish();
  return message;
}

test('the header section is the same however the octets are cut', () => {
  const text = 'Subject: a\r\nX: b\r\n\r\nbody\r\n\r\nmore\r\n';
  for (let chunk = 1; chunk <= text.length; chunk++) {
    const message = received(text, chunk);
    assert.equal(Buffer.from(message.header).toString(), 'Subject: a\r\nX: b\r\n', `chunks of ${chunk}`);
    assert.equal(message.headers.first('subject'), 'a');
    assert.equal(message.size, text.length);
  }
});

test('a message without a body, and one without a header section, are messages', () => {
  assert.equal(received('Subject: a\r\n').headers.first('subject'), 'a');
  assert.equal(received('\r\nbody\r\n').header.length, 0);
  assert.equal(received('').header.length, 0);
});

test('a header section of exactly the limit passes, one octet more does not, however it is cut', () => {
  const section = (octets: number): string => `X: ${'x'.repeat(octets - 5)}\r\n`;
  for (const chunk of [1, 2, 3, 7, 49, 50, 51, 52, 1000]) {
    assert.equal(
      received(`${section(50)}\r\nbody\r\n`, chunk, { headerSize: 50 }).refusal,
      undefined,
      `chunks of ${chunk}`,
    );
    const { refusal } = received(`${section(51)}\r\nbody\r\n`, chunk, { headerSize: 50 });
    assert.deepEqual([refusal?.code, refusal?.status], [552, '5.3.4'], `chunks of ${chunk}`);
  }
});

test('a header section without end is refused and no longer kept', () => {
  const draft = fakeDraft();
  const message = new IncomingMessage(draft, LIMITS, new Backlog(1e6));
  for (let sent = 0; sent < 100; sent++) void message.write(Buffer.alloc(1000, 'x'));
  assert.equal(message.refusal?.reason, 'header-size');
  assert.equal(message.header.length, 0);
  assert.ok(draft.written.length <= 2);
});

test('octets that come one by one take time in proportion to their number', () => {
  // Copying all for each octet would move 32 GB here.
  const message = received('x'.repeat(250_000), 1, { headerSize: 1_000_000 });
  assert.equal(message.header.length, 250_000);
});

test('above the limit of Received fields a message is in a loop', () => {
  const loop = (fields: number): IncomingMessage =>
    received(`${'Received: x\r\n'.repeat(fields)}\r\n`, 1000, { headerSize: 100_000 });
  assert.equal(loop(100).refusal, undefined);
  assert.deepEqual([loop(101).refusal?.code, loop(101).refusal?.status], [554, '5.4.6']);
});

test('Received fields in the body are no hops', () => {
  const text = `Subject: bounce\r\n\r\n${'Received: x\r\n'.repeat(200)}`;
  assert.equal(received(text, 64).refusal, undefined);
});

const FULL = new PosthouseError('store-full', 'no room');
const BROKEN: readonly (readonly [string, Partial<MessageDraft>])[] = [
  [
    'write throws',
    {
      write: () => {
        throw FULL;
      },
    },
  ],
  ['write rejects', { write: () => Promise.reject(FULL) }],
  [
    'finish throws',
    {
      finish: () => {
        throw FULL;
      },
    },
  ],
  ['finish rejects', { finish: () => Promise.reject(FULL) }],
];

for (const [what, overrides] of BROKEN) {
  test(`a draft whose ${what} shows as a failure and never as a rejection`, async () => {
    const message = new IncomingMessage(fakeDraft(overrides), LIMITS, new Backlog(1e6));
    await message.write(Buffer.from('Subject: x\r\n'));
    await message.finish();
    assert.equal(message.failure, FULL);
  });
}

test('header fields are bounded: as many as the limit pass, one more is refused', () => {
  const fields = (count: number): string => `${'a: b\r\n'.repeat(count)} folded\r\n\r\nbody\r\n`;
  for (const chunk of [1, 1000]) {
    assert.equal(received(fields(10), chunk, { headerFields: 10 }).refusal, undefined);
    const { code, status, reason } =
      received(fields(11), chunk, { headerFields: 10 }).refusal ?? assert.fail();
    assert.deepEqual([code, status, reason], [552, '5.3.4', 'header-fields']);
  }
  assert.equal(received('a: b\r\n'.repeat(11), 1000, { headerFields: 10 }).refusal?.reason, 'header-fields');
});

test('the parts of a message and their depth are bounded, in its first octets and in its last', () => {
  const nested = (depth: number): string =>
    Array.from(
      { length: depth },
      (_, at) => `Content-Type: multipart/mixed; boundary=b${at}\r\n\r\n--b${at}\r\n`,
    ).join('');
  const flat = (parts: number): string =>
    `Content-Type: multipart/mixed; boundary="x y"\r\n\r\n${'--x y\r\n\r\nhello\r\n'.repeat(parts)}--x y--\r\n`;
  for (const chunk of [1, 100_000]) {
    assert.equal(received(nested(5), chunk, { mimeDepth: 5 }).refusal, undefined);
    assert.equal(received(nested(6), chunk, { mimeDepth: 5 }).refusal?.reason, 'mime-depth');
    assert.equal(received(flat(5), chunk, { mimeParts: 5 }).refusal, undefined);
    const { code, status, reason } = received(flat(6), chunk, { mimeParts: 5 }).refusal ?? assert.fail();
    assert.deepEqual([code, status, reason], [554, '5.6.0', 'mime-parts']);
  }
});
