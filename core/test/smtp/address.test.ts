import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  isAddressLiteral,
  isDomainName,
  Mailbox,
  mailbox,
  type PathResult,
  parseForwardPath,
  parseMailbox,
  parseReversePath,
} from '../../src/smtp/index.ts';

const label63 = 'a'.repeat(63);

function shown(result: PathResult): string {
  if ('fault' in result) return `${result.fault.code} ${result.fault.status}`;
  return `${result.path === null ? '<>' : result.path}|${result.rest}`;
}

test('a mailbox is read into its plain local part and its domain in small letters', () => {
  for (const [written, local, domain] of [
    ['joe@Example.ORG', 'joe', 'example.org'],
    ['Joe.Doe+tag@b.example', 'Joe.Doe+tag', 'b.example'],
    ['user%elsewhere@ours.example', 'user%elsewhere', 'ours.example'],
    ['host!user@ours.example', 'host!user', 'ours.example'],
    ['"user@elsewhere"@ours.example', 'user@elsewhere', 'ours.example'],
    ['"a b"@x.example', 'a b', 'x.example'],
    ['"a\\"b\\\\c"@x.example', 'a"b\\c', 'x.example'],
    ['"j\\o\\e"@x.example', 'joe', 'x.example'],
    ['""@x.example', '', 'x.example'],
    ['"a>b"@x.example', 'a>b', 'x.example'],
    ['joe@[192.0.2.1]', 'joe', '[192.0.2.1]'],
    ['joe@[ipv6:2001:DB8::1]', 'joe', '[IPv6:2001:db8::1]'],
    ["!#$%&'*+-/=?^_`{|}~@x", "!#$%&'*+-/=?^_`{|}~", 'x'],
  ] as const) {
    const found = parseMailbox(written);
    assert.deepEqual([found?.local, found?.domain], [local, domain], written);
  }
});

test('what is not exactly one mailbox is none', () => {
  for (const bad of [
    '',
    '@',
    'joe',
    'joe@',
    '@x.example',
    '.joe@x',
    'joe.@x',
    'j..oe@x',
    'joe@x.',
    'joe@.x',
    'joe@x..y',
    'joe@-x',
    'joe@x-',
    'joe@x_y',
    'joe@x y',
    'jo e@x',
    'joe@x@y',
    '<joe@x>',
    ' joe@x',
    'joe@x ',
    '"joe@x',
    '"joe"x@x',
    '"jo\\',
    '"jo\\"@x',
    '"jo\ne"@x',
    '"jo\\\ne"@x',
    'jo\0e@x',
    'joe@x\r\n',
    'jo(e)@x',
    `joe@${label63}a.example`,
    'joe@[1.2.3]',
    'joe@[1.2.3.256]',
    'joe@[01.2.3.4]',
    'joe@1.2.3.4]',
    'joe@[x-tag:abc]',
    'joe@[IPv6:1:2]',
    'postmaster',
    'jö@x',
    'joe@bücher.example',
    `${'a'.repeat(65)}@x`,
  ]) {
    assert.equal(parseMailbox(bad), undefined, JSON.stringify(bad));
  }
});

test('SMTPUTF8 opens local parts and domains to Unicode, but not to controls, spaces and other dots', () => {
  const smtputf8 = { smtputf8: true };
  assert.equal(String(parseMailbox('jö@bücher.example', smtputf8)), 'jö@bücher.example');
  assert.equal(String(parseMailbox('"jö e"@x', smtputf8)), '"jö e"@x');
  assert.equal(parseMailbox('用户@例子.广告', smtputf8)?.isAscii, false);
  for (const bad of [
    'j\u0085@x',
    'j\ud800@x',
    'j@x\u3002y',
    'j@\u00a0x',
    'j@-ü',
    'j@ü-',
    'j@ü..x',
    'j@ü_x',
    '"\\ü"@x',
  ]) {
    assert.equal(parseMailbox(bad, smtputf8), undefined, JSON.stringify(bad));
  }
});

// RFC 5321 §4.5.3.1.1, §4.5.3.1.2, §4.5.3.1.3
test('size limits hold to the octet, counted in UTF-8', () => {
  const domain = (octets: number): string =>
    `${`${label63}.`.repeat(4)}`.slice(0, octets - 2) + '.x'.slice(-2);
  assert.ok(parseMailbox(`${'a'.repeat(64)}@x`));
  assert.equal(parseMailbox(`${'a'.repeat(65)}@x`), undefined);
  assert.ok(parseMailbox(`${'ö'.repeat(32)}@x`, { smtputf8: true }));
  assert.equal(parseMailbox(`${'ö'.repeat(32)}a@x`, { smtputf8: true }), undefined);
  assert.equal(isDomainName(`${`${label63}.`.repeat(3)}${'a'.repeat(63)}`), true);
  assert.equal(isDomainName(`${`${label63}.`.repeat(3)}${'a'.repeat(62)}.a`), false);
  const longest = `<a@${domain(252)}>`;
  assert.equal(longest.length, 256);
  assert.equal(shown(parseForwardPath(longest)), `${longest.slice(1, -1)}|`);
  assert.equal(shown(parseForwardPath(longest.replace('<a', '<aa'))), '501 5.1.3');
});

test('address literals are checked to the last group', () => {
  for (const good of [
    '[0.0.0.0]',
    '[255.255.255.255]',
    '[IPv6:::]',
    '[IPv6:::1]',
    '[IPv6:1::]',
    '[IPv6:1:2:3:4:5:6:7:8]',
    '[IPv6:::ffff:192.0.2.1]',
    '[IPv6:1:2:3:4:5:6:192.0.2.1]',
    '[IPv6:1:2:3::7:8]',
    '[iPV6:ABCD::ef01]',
  ]) {
    assert.equal(isAddressLiteral(good), true, good);
  }
  for (const bad of [
    '[]',
    '[1.2.3.4',
    '1.2.3.4',
    '[1.2.3.4.5]',
    '[1.2.3.]',
    '[::1]',
    '[IPv6:]',
    '[IPv6::1]',
    '[IPv6:1:2:3:4:5:6:7]',
    '[IPv6:1:2:3:4:5:6:7:8:9]',
    '[IPv6:1::2::3]',
    '[IPv6:12345::]',
    '[IPv6:1:2:3:4::5:6:7:8]',
    '[IPv6:::1.2.3]',
    '[IPv6:1.2.3.4::]',
    '[IPv6:fe80::1%eth0]',
    '[IPv6:1.2.3.4]',
    '[IPv6:::g]',
    '[Tag:content]',
  ]) {
    assert.equal(isAddressLiteral(bad), false, bad);
  }
});

test('a reverse path gives the sender and what follows it', () => {
  for (const [written, expected] of [
    ['<>', '<>|'],
    ['<> BODY=8BITMIME', '<>| BODY=8BITMIME'],
    ['<a@B.example> SIZE=1', 'a@b.example| SIZE=1'],
    ['<"a>b"@x>', '"a>b"@x|'],
    // RFC 5321 §3.6.1 and appendix C: source routes are ignored.
    ['<@one.example,@two.example:joe@three.example>', 'joe@three.example|'],
    ['', '501 5.5.2'],
    [' <a@b>', '501 5.5.2'],
    ['a@b', '501 5.5.2'],
    ['<a@b>SIZE=1', '501 5.5.2'],
    ['<>SIZE=1', '501 5.5.2'],
    ['<a@b', '501 5.1.7'],
    ['< a@b>', '501 5.1.7'],
    ['< >', '501 5.1.7'],
    ['<a@b >', '501 5.1.7'],
    ['<<a@b>>', '501 5.1.7'],
    ['<postmaster>', '501 5.1.7'],
    ['<@one.example>', '501 5.1.7'],
    ['<@one.example:>', '501 5.1.7'],
    ['<@one.example,two.example:joe@x>', '501 5.1.7'],
    ['<@:joe@x>', '501 5.1.7'],
    // RFC 6531 §3.5
    ['<jö@x>', '553 5.6.7'],
    ['<"jö"@x>', '553 5.6.7'],
    ['<joe@bücher.example>', '553 5.6.7'],
  ] as const) {
    assert.equal(shown(parseReversePath(written)), expected, written);
  }
  assert.equal(shown(parseReversePath('<jö@x> SMTPUTF8', { smtputf8: true })), 'jö@x| SMTPUTF8');
});

test('a forward path names somebody, of whom only Postmaster needs no domain', () => {
  for (const [written, expected] of [
    ['<joe@x.example> NOTIFY=NEVER', 'joe@x.example| NOTIFY=NEVER'],
    ['<Postmaster>', 'postmaster|'],
    ['<POSTMASTER> NOTIFY=NEVER', 'postmaster| NOTIFY=NEVER'],
    ['<postmaster@x.example>', 'postmaster@x.example|'],
    ['<postmaster>x', '501 5.5.2'],
    ['<>', '501 5.1.3'],
    ['<joe>', '501 5.1.3'],
    ['<jö@x>', '553 5.6.7'],
  ] as const) {
    assert.equal(shown(parseForwardPath(written)), expected, written);
  }
});

test('mailboxes are equal without regard to the case of the domain, but not of the local part', () => {
  assert.equal(mailbox('joe@X.example').equals(mailbox('joe@x.EXAMPLE')), true);
  assert.equal(mailbox('Joe@x.example').equals(mailbox('joe@x.example')), false);
  assert.equal(mailbox('"joe"@x.example').equals(mailbox('joe@x.example')), true);
});

test('a mailbox in code is an address, a bare postmaster, or a TypeError', () => {
  assert.equal(String(mailbox('Postmaster')), 'postmaster');
  assert.equal(JSON.stringify({ to: mailbox('"a b"@[192.0.2.1]') }), '{"to":"\\"a b\\"@[192.0.2.1]"}');
  assert.equal(mailbox('a@[192.0.2.1]').isLiteral, true);
  assert.throws(
    () => mailbox('joe'),
    new TypeError('not a mail address: "joe" (no "@" after the local part)'),
  );
});

test('nothing that could end a line gets into a mailbox', () => {
  for (const [local, domain] of [
    ['a\r\nb', 'x'],
    ['a\0', 'x'],
    ['a', 'x\r\n'],
    ['a', 'x>'],
    ['a', 'x y'],
  ] as const) {
    assert.throws(() => new Mailbox(local, domain), TypeError);
  }
});

const localPart = fc.string({
  unit: fc.constantFrom(...'ab.@"\\ <>,:;é用') as fc.Arbitrary<string>,
  maxLength: 20,
});

test('a formatted mailbox parses to itself', () => {
  fc.assert(
    fc.property(
      localPart,
      fc.constantFrom('x', 'a.b-c.example', '[192.0.2.1]', '[IPv6:::1]', 'bücher.example'),
      (local, domain) => {
        const made = new Mailbox(local, domain);
        const read = parseMailbox(String(made), { smtputf8: true });
        assert.equal(read?.local, local);
        assert.equal(read?.domain, domain);
        assert.equal(shown(parseReversePath(`<${made}>`, { smtputf8: true })), `${made}|`);
      },
    ),
  );
});

test('the path parsers never throw, and what they accept can be written and read again', () => {
  const pathText = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc
      .string({ unit: fc.constantFrom(...'<>@"\\.,:[]a1 é\r\0') as fc.Arbitrary<string> })
      .map((inner) => `<${inner}`),
  );
  fc.assert(
    fc.property(pathText, fc.boolean(), (written, smtputf8) => {
      for (const parse of [parseReversePath, parseForwardPath]) {
        const result = parse(written, { smtputf8 });
        if ('fault' in result || result.path === null || result.path.domain === '') continue;
        assert.ok(parseMailbox(String(result.path), { smtputf8 })?.equals(result.path));
      }
    }),
    { numRuns: 2000 },
  );
});
