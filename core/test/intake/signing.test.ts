import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definePlugin, type FinalMessage, type MessageSigner, Verdict } from '../../src/index.ts';
import { deliverMemory, openHouse } from '../../src/testing/index.ts';

const accepts = definePlugin({
  name: 'accepts',
  setup: () => ({ hooks: { 'on-rcpt': () => Verdict.accept() } }),
});

const edits = definePlugin({
  name: 'edits',
  setup: () => ({
    hooks: {
      'on-data': {
        order: 'late',
        handler({ edits: list }) {
          list.prependHeader('X-Top', 'yes');
          list.replaceHeader('Subject', 'new');
          list.rewriteBody(async function* (body) {
            for await (const bytes of body) yield bytes;
            yield Buffer.from('-- \r\nfooter\r\n');
          });
        },
      },
    },
  }),
});

function signs(name: string, signer: MessageSigner) {
  return definePlugin({
    name,
    setup: () => ({ hooks: { 'on-data': ({ edits: list }) => list.sign(signer) } }),
  });
}

const MESSAGE = [
  'C: MAIL FROM:<ann@client.example>',
  'S: 250 *',
  'C: RCPT TO:<bob@house.example>',
  'S: 250 *',
  'C: DATA',
  'S: 354 *',
  'C: Subject: old',
  'C:',
  'C: hello',
  'C: .',
];
const talk = (...end: string[]): string =>
  ['S: 220 *', 'C: HELO client.example', 'S: 250 *', ...MESSAGE, ...end].join('\n');

/** Keeps what it was given, and puts a field on top. */
function recorder(field = 'X-Signed: yes\r\n') {
  const seen: string[] = [];
  const signer = async ({ header, inMemory, open }: FinalMessage): Promise<string> => {
    const chunks: Uint8Array[] = [];
    for await (const bytes of open()) chunks.push(bytes);
    const body = Buffer.concat(chunks);
    if (inMemory !== undefined) assert.deepEqual(Buffer.concat(inMemory), body);
    seen.push(`${Buffer.from(header)}\r\n${body}`);
    return field;
  };
  return { seen, signer };
}

test('a signer is given the message octet for octet as it goes out', async () => {
  const { seen, signer } = recorder();
  const transport = deliverMemory();
  await using house = await openHouse({ plugins: [signs('signs', signer)(), edits(), accepts(), transport] });
  await house.talk(talk('S: 250 *'));
  const [delivered] = await transport.delivered(1);
  assert.equal(delivered?.content, `X-Signed: yes\r\n${seen[0]}`);
  assert.match(
    seen[0] ?? '',
    /^X-Top: yes\r\nReceived: [\s\S]*\r\nSubject: new\r\n\r\nhello\r\n-- \r\nfooter\r\n$/,
  );
});

test('a message that nobody edits is signed as it came, with the trace fields', async () => {
  const { seen, signer } = recorder();
  const transport = deliverMemory();
  await using house = await openHouse({ plugins: [signs('signs', signer)(), accepts(), transport] });
  await house.talk(talk('S: 250 *'));
  const [delivered] = await transport.delivered(1);
  assert.equal(delivered?.content, `X-Signed: yes\r\n${seen[0]}`);
  assert.match(seen[0] ?? '', /^Received: [\s\S]*\r\nSubject: old\r\n\r\nhello\r\n$/);
});

test('a later signer covers the fields of an earlier one, and lies on top', async () => {
  const second = recorder('X-Second: 2\r\n\tfolded\r\n');
  const transport = deliverMemory();
  await using house = await openHouse({
    plugins: [
      signs('first', () => 'X-First: 1\r\n')(),
      signs('second', second.signer)(),
      accepts(),
      transport,
    ],
  });
  await house.talk(talk('S: 250 *'));
  const [delivered] = await transport.delivered(1);
  assert.match(second.seen[0] ?? '', /^X-First: 1\r\nReceived: /);
  assert.match(delivered?.content ?? '', /^X-Second: 2\r\n\tfolded\r\nX-First: 1\r\nReceived: /);
});

const failures: readonly (readonly [what: string, signer: MessageSigner, problem: string])[] = [
  [
    'throws',
    () => {
      throw new Error('no key');
    },
    'threw',
  ],
  ['rejects', () => Promise.reject(new Error('no key')), 'threw'],
  ['returns a field without its end', () => 'X-A: 1', 'illegal-answer'],
  ['returns the end of the header section', () => 'X-A: 1\r\n\r\nbody\r\n', 'illegal-answer'],
  ['returns a bare line feed', () => 'X-A: 1\n\r\n', 'illegal-answer'],
  ['returns nothing', (() => undefined) as unknown as MessageSigner, 'illegal-answer'],
];
for (const [what, signer, problem] of failures) {
  test(`a signer that ${what} is 451, and nothing is kept`, async () => {
    const plugins = [signs('signs', signer)(), edits(), accepts(), deliverMemory()];
    await using house = await openHouse({ plugins });
    await house.talk(talk('S: 451 4.3.0 *'));
    const [failed] = house.events('handler-failed');
    assert.deepEqual([failed?.plugin, failed?.hook, failed?.problem], ['signs', 'on-data', problem]);
    assert.equal((await house.server.house.store.counts()).messages, 0);
    assert.equal(house.events('message-queued').length, 0);
  });
}

test('a signer that hangs is 451 when the time of its plugin is up', async () => {
  const hangs = signs('hangs', () => new Promise<never>(() => {}));
  await using house = await openHouse({
    plugins: [{ use: hangs(), timeout: 3000 }, accepts(), deliverMemory()],
  });
  await house.talk(talk('T: 3s', 'S: 451 4.3.0 *'));
  assert.equal(house.events('handler-failed')[0]?.problem, 'timed-out');
});

test('where the operator lets errors of the plugin pass, the message goes unsigned', async () => {
  const fails = signs('fails', () => {
    throw new Error('no key');
  });
  const transport = deliverMemory();
  await using house = await openHouse({ plugins: [{ use: fails(), onError: 'pass' }, accepts(), transport] });
  await house.talk(talk('S: 250 *'));
  const [delivered] = await transport.delivered(1);
  assert.match(delivered?.content ?? '', /^Received: /);
  assert.equal(house.events('handler-failed').length, 1);
});

test('a signer of a plugin that only observes is not called', async () => {
  const { seen, signer } = recorder();
  const transport = deliverMemory();
  await using house = await openHouse({
    plugins: [{ use: signs('signs', signer)(), mode: 'observe' }, accepts(), transport],
  });
  await house.talk(talk('S: 250 *'));
  await transport.delivered(1);
  assert.deepEqual(seen, []);
});
