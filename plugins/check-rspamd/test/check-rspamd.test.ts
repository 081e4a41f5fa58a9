import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { definePlugin, Verdict, WEIGHTED_REASONS } from '@posthouse/core';
import { fakeClock, mount, NoteBook, openHouse } from '@posthouse/core/testing';
import { readAnswer } from '../src/answer.ts';
import checkRspamd from '../src/index.ts';

interface Heard {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An rspamd that hears the whole message and answers what it is told to. */
async function rspamdThat(answers: (response: ServerResponse, heard: Heard) => void) {
  const heard: Heard[] = [];
  const server = createServer((asked, response) => {
    let body = '';
    asked.setEncoding('latin1');
    asked.on('error', () => {});
    asked.on('data', (text: string) => {
      body += text;
    });
    asked.on('end', () => {
      const one = { headers: asked.headers, body };
      heard.push(one);
      answers(response, one);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    heard,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const says = (answer: object) => (response: ServerResponse) =>
  response.end(JSON.stringify({ score: 7.5, required_score: 15, ...answer }));

const message = `X-Spam: No\r\nSubject: Hello\r\n\r\n${'0123456789abcdef'.repeat(10_000)}\r\n`;

test('rspamd is given the message as it is, and all that is known of its envelope', async () => {
  await using rspamd = await rspamdThat(says({ action: 'no action' }));
  await using plugin = await mount(checkRspamd({ url: rspamd.url, password: 'secret' }));
  const asked = {
    message,
    sender: 'ann@client.example',
    recipients: ['bob@house.example', 'bücher@house.example'],
    session: { remoteAddress: '::ffff:192.0.2.1', helo: 'mx.client.example', user: 'ann' },
  };
  assert.deepEqual(await plugin.ask('on-data', asked), Verdict.continue());
  const [heard] = rspamd.heard;
  assert.equal(heard?.body, message);
  const { ip, helo, from, rcpt, user, password } = heard.headers;
  assert.deepEqual(
    { ip, helo, from, user, password },
    {
      ip: '192.0.2.1',
      helo: 'mx.client.example',
      from: 'ann@client.example',
      user: 'ann',
      password: 'secret',
    },
  );
  assert.equal(Buffer.from(String(rcpt), 'latin1').toString(), 'bob@house.example, bücher@house.example');
  assert.equal(heard.headers['mta-name'], 'house.example');
});

const actions: readonly (readonly [answer: object, verdict: Verdict, edits: readonly string[]])[] = [
  [{ action: 'no action' }, Verdict.continue(), []],
  [{ action: 'greylist' }, Verdict.continue(), []],
  [
    { action: 'reject' },
    Verdict.reject('5.7.1', 'The message looks like spam', { reason: 'rspamd.reject' }),
    [],
  ],
  [
    { action: 'reject', messages: { smtp_message: 'Gtube pattern' } },
    Verdict.reject('5.7.1', 'Gtube pattern', { reason: 'rspamd.reject' }),
    [],
  ],
  [
    { action: 'soft reject', messages: { smtp_message: 'Try again later' } },
    Verdict.defer('4.7.1', 'Try again later', { reason: 'rspamd.soft-reject' }),
    [],
  ],
  [{ action: 'add header' }, Verdict.continue(), ['prepend X-Spam: Yes']],
  [
    { action: 'rewrite subject' },
    Verdict.continue(),
    ['replace Subject: ***SPAM*** Hello', 'prepend X-Spam: Yes'],
  ],
  [
    { action: 'rewrite subject', subject: 'Spam: Hello' },
    Verdict.continue(),
    ['replace Subject: Spam: Hello', 'prepend X-Spam: Yes'],
  ],
  [{ action: 'quarantine' }, Verdict.quarantine('rspamd.quarantine'), []],
  [{ action: 'discard' }, Verdict.discard('rspamd.discard'), []],
  [{ action: 'of our own' }, Verdict.continue(), []],
  [
    {
      action: 'no action',
      milter: {
        add_headers: { 'X-Spamd-Bar': '++', 'X-Two': [{ value: 'a\n\tb', order: 0 }, 'c'], 'bad name': 'x' },
        remove_headers: { Received: 0 },
      },
    },
    Verdict.continue(),
    ['remove Received', 'prepend X-Two: c', 'prepend X-Two: a b', 'prepend X-Spamd-Bar: ++'],
  ],
];
for (const [answer, verdict, edits] of actions) {
  test(`rspamd says ${JSON.stringify(answer)}`, async () => {
    await using rspamd = await rspamdThat(says(answer));
    await using plugin = await mount(checkRspamd({ url: rspamd.url }));
    assert.deepEqual(await plugin.ask('on-data', { message }), verdict);
    const done = plugin.edits.map((edit) =>
      edit.kind === 'prepend' || edit.kind === 'replace'
        ? `${edit.kind} ${edit.name}: ${edit.value}`
        : `${edit.kind} ${'name' in edit ? edit.name : ''}`,
    );
    assert.deepEqual(done, ['remove X-Spam', ...edits]);
  });
}

test('what "reject" and "greylist" mean is the operator\'s to say', async () => {
  await using rspamd = await rspamdThat(says({ action: 'reject' }));
  await using plugin = await mount(checkRspamd({ url: rspamd.url, reject: 'quarantine' }));
  assert.deepEqual(await plugin.ask('on-data', { message }), Verdict.quarantine('rspamd.reject'));
  await using grey = await rspamdThat(says({ action: 'greylist' }));
  await using deferring = await mount(checkRspamd({ url: grey.url, greylist: 'defer' }));
  assert.equal((await deferring.ask('on-data', { message })).kind, 'defer');
});

test('with "score" the score is one weight among others', async () => {
  await using rspamd = await rspamdThat(says({ action: 'reject' }));
  const notes = new NoteBook();
  await using plugin = await mount(checkRspamd({ url: rspamd.url, action: 'score' }));
  assert.deepEqual(await plugin.ask('on-data', { message, notes }), Verdict.continue());
  assert.deepEqual(notes.get(WEIGHTED_REASONS), [{ reason: 'rspamd', weight: 7.5 }]);
});

test('a message that is too large passes without being looked at', async () => {
  await using rspamd = await rspamdThat(says({ action: 'reject' }));
  await using plugin = await mount(checkRspamd({ url: rspamd.url, maxSize: 1000 }));
  assert.deepEqual(await plugin.ask('on-data', { message }), Verdict.continue());
  assert.equal(rspamd.heard.length, 0);
});

const troubles: readonly (readonly [what: string, answers: (response: ServerResponse) => void])[] = [
  ['answers 500', (response) => response.writeHead(500).end('{}')],
  ['answers no JSON', (response) => response.end('<html>')],
  ['answers JSON that is no judgement', (response) => response.end('{"action": 5}')],
  ['answers without end', (response) => response.end(Buffer.alloc(2 * 1024 * 1024, 0x20))],
  ['hangs up', (response) => response.destroy()],
  [
    'hangs up in the middle',
    (response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('{"act');
      setImmediate(() => response.destroy());
    },
  ],
];
for (const [what, answers] of troubles) {
  test(`an rspamd that ${what} defers the mail, or lets it pass where the operator says so`, async () => {
    await using rspamd = await rspamdThat(answers);
    await using strict = await mount(checkRspamd({ url: rspamd.url }));
    assert.deepEqual(
      await strict.ask('on-data', { message }),
      Verdict.defer('4.7.1', 'The message cannot be looked at now, please try again later', {
        reason: 'rspamd.unavailable',
      }),
    );
    assert.equal(strict.log.lines.filter(({ level }) => level === 'error').length, 1);
    await using kind = await mount(checkRspamd({ url: rspamd.url, unavailable: 'pass' }));
    assert.deepEqual(await kind.ask('on-data', { message }), Verdict.continue());
  });
}

test('an rspamd that never answers is waited for no longer than configured', async () => {
  let heard: () => void = () => {};
  const hearing = new Promise<void>((resolve) => {
    heard = resolve;
  });
  await using rspamd = await rspamdThat(() => heard());
  const clock = fakeClock();
  await using plugin = await mount(checkRspamd({ url: rspamd.url }), { clock });
  const answer = plugin.ask('on-data', { message });
  await hearing;
  await clock.advance(9_000);
  assert.equal((await answer).kind, 'defer');
});

test('an rspamd that is not there defers the mail', async () => {
  await using plugin = await mount(checkRspamd({ url: 'unix:/nowhere/rspamd.sock' }));
  assert.equal((await plugin.ask('on-data', { message })).kind, 'defer');
});

test('symbols are kept for the log, those that weigh most first', () => {
  const symbols = { A: { score: 1 }, B: { score: -5 }, C: { score: 0 } };
  assert.deepEqual(readAnswer(JSON.stringify({ action: 'no action', score: -4, symbols }))?.symbols, [
    'B(-5)',
    'A(1)',
  ]);
});

const acceptAll = definePlugin({
  name: 'accept-all',
  setup: () => ({ hooks: { 'on-rcpt': () => Verdict.accept() } }),
});

test('the dialogue', async () => {
  await using rspamd = await rspamdThat(
    says({ action: 'reject', messages: { smtp_message: 'Gtube pattern' } }),
  );
  await using house = await openHouse({ plugins: [acceptAll(), checkRspamd({ url: rspamd.url })] });
  await house.talk(`
    S: 220 *
    C: HELO client.example
    S: 250 *
    C: MAIL FROM:<ann@client.example>
    S: 250 *
    C: RCPT TO:<bob@house.example>
    S: 250 *
    C: DATA
    S: 354 *
    C: Subject: x
    C:
    C: buy
    C: .
    S: 550 5.7.1 Gtube pattern
    C: QUIT
    S: 221 *
  `);
});
