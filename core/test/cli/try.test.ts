// posthouse try: what it prints, what it exits with, and what two configurations make of the same message.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { pluginModule, workshop } from '../server/configuration/workshop.ts';
import { inProcess } from './posthouse.ts';

const SAYS = (words: string) => `{ hooks: { 'on-rcpt': () => (${words}) } }`;
const MESSAGE = 'Subject: hello\nFrom: ann@client.example\n\n.one dot\n';

function house(context: TestContext) {
  const { write } = workshop(context);
  write(
    'accept-all.mjs',
    pluginModule('accept-all', undefined, SAYS("{ kind: 'accept', reason: 'all.ours' }")),
  );
  write(
    'check-no.mjs',
    pluginModule(
      'check-no',
      undefined,
      SAYS("{ kind: 'reject', status: '5.1.1', text: 'Not \\u202ehere', reason: 'no.never' }"),
    ),
  );
  const configuration = (name: string, ...plugins: string[]): string =>
    write(
      name,
      `hostname: mx.example.org\nlisteners:\n  - { name: mx, host: 127.0.0.1, port: 25 }\n  - { name: lmtp, host: 127.0.0.1, port: 24, protocol: lmtp }\nplugins:\n${["'@posthouse/core/store-memory'", ...plugins].map((use) => `  - { use: ${use} }\n`).join('')}`,
    );
  return {
    good: configuration('posthouse.yaml', './accept-all.mjs'),
    strict: configuration('strict.yaml', './check-no.mjs', './accept-all.mjs'),
    watched: configuration('watched.yaml', './check-no.mjs, mode: observe', './accept-all.mjs'),
    message: write('f.eml', MESSAGE),
  };
}

const MAIL = ['--from', 'ann@client.example', '--to', 'joe@example.org'];

test('a message that is taken is told from the first word to where it would go, with exit code 0', async (context) => {
  const { watched, message } = house(context);
  const { code, out, said } = await inProcess(['try', '-c', watched, ...MAIL, '--message', message]);
  assert.equal(code, 0, said);
  assert.equal(
    out.replace(/\d+\.\d ms/g, 'N ms').replace(/^ {2}< 250-.*\n/gm, ''),
    `The client connects
  < 220 mx.example.org ESMTP Posthouse

EHLO client.example
  < 250 CHUNKING

MAIL FROM:<ann@client.example> SIZE=54
  < 250 2.1.0 Sender ok

RCPT TO:<joe@example.org>
  on-rcpt       check-no    would reject 5.1.1  N ms  no.never, "Not \\u{202e}here"
                accept-all  accept              N ms  all.ours
  < 250 2.1.5 Recipient ok

DATA
  < 354 Start mail input; end with <CRLF>.<CRLF>

(the message, 54 octets)
  < 250 2.0.0 Queued as REHEARSAL2

WHAT BECOMES OF IT
  joe@example.org  accepted, but no plugin carries it: it would wait and be returned

ON TOP OF THE MESSAGE (214 octets in all)
  Received: from client.example ([192.0.2.1])
    by mx.example.org with ESMTP id REHEARSAL2
    for <joe@example.org>; Thu, 1 Jan 1970 00:00:00 +0000
`.replace('214', /\((\d+) octets in all/.exec(out)?.[1] ?? ''),
  );
});

test('a message that is refused has exit code 1, and JSON has all of it', async (context) => {
  const { strict } = house(context);
  const { code, out } = await inProcess(['try', '-c', strict, ...MAIL, '--json']);
  assert.equal(code, 1);
  const { listener, fates, steps } = JSON.parse(out);
  assert.equal(listener, 'mx');
  assert.deepEqual(
    fates.map(({ recipient, reply }: { recipient: string; reply: { code: number } }) => [
      recipient,
      reply.code,
    ]),
    [['joe@example.org', 550]],
  );
  assert.equal(steps.at(-1).calls[0].said[0].reason, 'no.never');
});

test('several recipients are answered each, by LMTP too', async (context) => {
  const { good } = house(context);
  const { code, out } = await inProcess([
    ...['try', '-c', good, '--listener', 'lmtp', '--from', '<>'],
    ...['--to', 'joe@example.org', '--to', 'sue@example.org'],
  ]);
  assert.equal(code, 0);
  assert.match(out, /LHLO client\.example/);
  assert.match(out, /MAIL FROM:<>/);
  assert.equal(out.match(/< 250 2\.0\.0 Queued as/g)?.length, 2);
});

test('--diff tells only what would be different, with exit code 1, and 0 where nothing would', async (context) => {
  const { good, strict } = house(context);
  const { code, out } = await inProcess(['try', '-c', good, ...MAIL, '--diff', strict]);
  assert.equal(code, 1);
  const lines = out.split('\n');
  assert.deepEqual(lines.slice(0, 2), [`--- ${good}`, `+++ ${strict}`]);
  assert.ok(lines.includes('+   < 550 5.1.1 Not \\x{202E}here'), out);
  assert.ok(lines.includes('-   < 250 2.1.5 Recipient ok'), out);
  assert.doesNotMatch(out, /EHLO|MAIL FROM/);
  const same = await inProcess(['try', '-c', good, ...MAIL, '--diff', good]);
  assert.deepEqual([same.code, same.out], [0, 'No difference for this message.\n']);
});

test('a wrong command line says what was meant, with exit code 2', async (context) => {
  const { good } = house(context);
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [['--from', 'ann@client.example'], /say from whom and to whom: --from <address> --to <address>/],
    [[...MAIL, '--ip', 'localhost'], /--ip must be an IP address, not localhost/],
    [['--from', 'ann', '--to', 'joe@example.org'], /--from must be a mail address, not ann/],
    [[...MAIL, '--helo', 'two words'], /--helo must be one word/],
    [[...MAIL, '--message', '/nowhere.eml'], /\/nowhere\.eml cannot be read: ENOENT/],
    [[...MAIL, '--listener', 'mxx'], /there is no listener mxx; did you mean mx\?/],
    [[...MAIL, '--json', '--diff', good], /--json and --diff do not go together/],
  ];
  for (const [given, words] of wrong) {
    const { code, said } = await inProcess(['try', '-c', good, ...given]);
    assert.match(said, words);
    assert.equal(code, 2);
  }
});
