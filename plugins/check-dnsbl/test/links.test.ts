// What a message links to: found in its text however that is encoded, and asked of lists of links.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Resolver, Verdict, WEIGHTED_REASONS } from '@posthouse/core';
import { fakeClock, fakeResolver, mount, NoteBook } from '@posthouse/core/testing';
import fc from 'fast-check';
import { getDomain } from 'tldts';
import checkDnsbl from '../src/index.ts';
import { linkedNames } from '../src/links.ts';
import { textParts } from '../src/text-parts.ts';

const names = (text: string, most = 20) =>
  linkedNames([Buffer.from(text, 'utf8').toString('latin1')], getDomain, most);

for (const [what, text, ...expected] of [
  ['a link', 'see https://www.spam.example.com/path?x#y now', 'example.com'],
  ['several, each once', 'http://a.one.com http://b.one.com ftp://two.org', 'one.com', 'two.org'],
  ['a bare www name, and the full stop behind it', 'www.spam.com. Yours', 'spam.com'],
  ['a link in HTML', '<a href="http://spam.com">x</a><img src=http://two.com/x>', 'spam.com', 'two.com'],
  ['a user in front of the host', 'http://bank.com@spam.com/', 'spam.com'],
  ['a port', 'http://spam.com:8080/', 'spam.com'],
  ['backslashes, as browsers take them', 'http:\\\\spam.com\\x', 'spam.com'],
  ['capitals', 'HTTP://SPAM.COM', 'spam.com'],
  ['a suffix of two labels', 'http://a.b.co.uk/', 'b.co.uk'],
  ['a suffix where people register names', 'http://mallory.github.io/', 'mallory.github.io'],
  ['an international name', 'http://www.bücher.de/', 'xn--bcher-kva.de'],
  ['percent signs in the host', 'http://%73pam.com/', 'spam.com'],
  ['character references', 'http://spam&#46;com &#104;ttp://two&#x2e;com/', 'spam.com', 'two.com'],
  ['an address, in any spelling', 'http://192.0.2.1/ http://0xC0000202/', '1.2.0.192', '2.2.0.192'],
  ['what is no name', 'http:// http://localhost/ http://[::1]/ http://com/ http://a..b/ mailto:x@spam.com'],
] as const)
  test(`links: ${what}`, () => assert.deepEqual(names(text), expected));

test('no more than so many are asked about, and a text of nothing but hosts is not read to its end', () => {
  const many = Array.from({ length: 10_000 }, (_, index) => `http://host${index}.com`).join(' ');
  assert.equal(names(many, 3).length, 3);
  const same = Array.from({ length: 10_000 }, (_, index) => `http://h${index}.one.com`).join(' ');
  assert.deepEqual(names(same, 3), ['one.com']);
});

const multipart = (...parts: readonly string[]) =>
  `Content-Type: multipart/mixed;\r\n\tboundary="b.b"\r\n\r\npreamble\r\n${parts.map((part) => `--b.b\r\n${part}\r\n`).join('')}--b.b--\r\nepilogue\r\n`;

for (const [what, message, ...expected] of [
  ['a message without MIME', 'Subject: x\r\n\r\nHello\r\n', 'Hello\r\n'],
  ['no header at all', '\r\nHello\r\n', 'Hello\r\n'],
  ['no body', 'Subject: x\r\n'],
  [
    'parts, those that are no text left out',
    multipart('\r\none', 'Content-Type: image/png\r\n\r\nx', 'Content-Type: text/html\r\n\r\ntwo'),
    'one',
    'two',
  ],
  [
    'parts inside parts',
    multipart(`Content-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n\r\none\r\n--c--`, '\r\ntwo'),
    'one',
    'two',
  ],
  ['a message inside', multipart('Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\none'), 'one'],
  [
    'quoted-printable',
    'Content-Transfer-Encoding: Quoted-Printable\r\n\r\nhttp://spam=2E=\r\ncom',
    'http://spam.com',
  ],
  [
    'base64',
    `Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from('one two').toString('base64')}\r\n`,
    'one two',
  ],
  ['a line that begins like the delimiter', multipart('\r\none\r\n--b.bx\r\ntwo'), 'one\r\n--b.bx\r\ntwo'],
  ['a message that is cut off', multipart('\r\none', '\r\ntwo').slice(0, -21), 'one', 'two'],
] as const)
  test(`text: ${what}`, () => assert.deepEqual(textParts(message), expected));

test('any octets, and parts without end, are read within bounds', () => {
  fc.assert(fc.property(fc.string({ maxLength: 300 }), (text) => void names(textParts(text).join(' '))));
  const deep = Array.from(
    { length: 2_000 },
    (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`,
  );
  assert.deepEqual(textParts(deep.join('')), []);
  assert.ok(textParts(multipart(...Array.from({ length: 5_000 }, () => '\r\nx'))).length <= 200);
});

const ZONES = [{ zone: 'uribl.example', of: ['link' as const], weight: 2 }];
const MESSAGE = 'Subject: x\r\n\r\nBuy at https://shop.spam.com/ or http://other.org/\r\n';

test('a message that links to a listed domain is refused with what the list says', async () => {
  const resolver = fakeResolver({ 'spam.com.uribl.example': { a: ['127.0.0.2'], txt: ['listed'] } });
  const notes = new NoteBook();
  await using plugin = await mount(checkDnsbl({ zones: ZONES }), { resolver });
  assert.deepEqual(
    await plugin.ask('on-data', { message: MESSAGE, notes }),
    Verdict.reject('5.7.1', 'The message links to spam.com, which is listed by uribl.example: listed', {
      reason: 'dnsbl.uribl.example',
    }),
  );
  assert.deepEqual(notes.toJSON()['check-dnsbl/links'], {
    score: 2,
    listed: ['uribl.example'],
    unanswered: [],
  });
  assert.deepEqual(resolver.lookups.filter((each) => each.startsWith('A ')).toSorted(), [
    'A other.org.uribl.example',
    'A spam.com.uribl.example',
  ]);
});

test('several listed links count once for each list, and return codes have their weights', async () => {
  const resolver = fakeResolver({
    'spam.com.uribl.example': { a: ['127.0.0.2'] },
    'other.org.uribl.example': { a: ['127.0.0.8'] },
  });
  const notes = new NoteBook();
  const answers = { '127.0.0.&2': 3, '127.0.0.&8': 1 };
  const zones = [{ zone: 'uribl.example', of: ['link' as const], answers }];
  await using plugin = await mount(checkDnsbl({ zones, action: 'score' }), { resolver });
  assert.deepEqual(await plugin.ask('on-data', { message: MESSAGE, notes }), Verdict.continue());
  assert.deepEqual(notes.get(WEIGHTED_REASONS), [{ reason: 'dnsbl.uribl.example', weight: 3 }]);
});

test('ignored domains, users and trusted networks are not asked about; without a list of links no message is', async () => {
  const resolver = fakeResolver();
  await using plugin = await mount(checkDnsbl({ zones: ZONES, ignoredLinks: ['Spam.com', 'other.org'] }), {
    resolver,
  });
  await plugin.ask('on-data', { message: MESSAGE });
  await using asks = await mount(checkDnsbl({ zones: ZONES }), { resolver });
  await asks.ask('on-data', { message: MESSAGE, session: { user: 'ann' } });
  await asks.ask('on-data', { message: MESSAGE, session: { remoteAddress: '127.0.0.1' } });
  assert.deepEqual(resolver.lookups, []);
  await using none = await mount(checkDnsbl({ zones: ['bl.example'] }), { resolver });
  assert.deepEqual(none.hooks, ['on-connect', 'on-mail-from']);
});

test('links beyond the octets that are looked through are not seen', async () => {
  const resolver = fakeResolver();
  await using plugin = await mount(checkDnsbl({ zones: ZONES, linksWithin: 40 }), { resolver });
  await plugin.ask('on-data', { message: `Subject: x\r\n\r\n${'y'.repeat(40)} http://spam.com/` });
  assert.deepEqual(resolver.lookups, []);
});

test('all lists and all links are asked side by side, within the time of one', async () => {
  const silent = { a: () => new Promise(() => {}), txt: () => new Promise(() => {}) } as unknown as Resolver;
  const clock = fakeClock();
  const zones = [...ZONES, { zone: 'surbl.example', of: ['link' as const] }];
  await using plugin = await mount(checkDnsbl({ zones, unanswered: 'defer' }), { resolver: silent, clock });
  const answer = plugin.ask('on-data', { message: MESSAGE });
  await import('tldts');
  while (clock.timers < 4) await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(5_000);
  assert.equal((await answer).kind, 'defer');
});
