// What reads text: commands, addresses, parameters, header sections, MIME, networks, the configuration.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { editHeader, headerEnd, ParsedHeaders, surveyHeader } from '../../src/intake/header-section.ts';
import { MimeStructure } from '../../src/intake/mime-structure.ts';
import { isLoopback, networkOf } from '../../src/reception/networks.ts';
import { ConfigurationError } from '../../src/server/configuration/index.ts';
import { SchemaCheck } from '../../src/server/configuration/schema-check.ts';
import { serverComplaints } from '../../src/server/configuration/semantics.ts';
import { readYaml } from '../../src/server/configuration/yaml-source.ts';
import { ServerSchema } from '../../src/server/definition.ts';
import {
  formatUnicodeXtext,
  formatXtext,
  isAddressLiteral,
  isDomainName,
  type Mailbox,
  parseCommand,
  parseForwardPath,
  parseMailbox,
  parseMailParameters,
  parseRcptParameters,
  parseReversePath,
  parseUnicodeXtext,
  parseXtext,
  printable,
} from '../../src/smtp/index.ts';
import { cut } from '../smtp/bytes.ts';
import { Chance } from './chance.ts';
import type { Target } from './fuzzer.ts';
import { ADDRESS_WORDS, MIME_WORDS, octetsOf, PARAMETER_WORDS, SESSION_WORDS, YAML_WORDS } from './words.ts';

/** As the line splitter gives it: UTF-8 where it is UTF-8. */
function textOf(input: Uint8Array): string {
  const bytes = Buffer.from(input);
  const text = bytes.toString('utf8');
  return text.includes('\ufffd') ? bytes.toString('latin1') : text;
}

export const commands: Target = {
  name: 'commands',
  share: 60,
  seeds: octetsOf(...SESSION_WORDS.filter((word) => /^[A-Z]{4}/.test(word)).map((word) => word.trimEnd())),
  words: SESSION_WORDS,
  run(input) {
    const command = parseCommand(textOf(input));
    if (command.verb === 'BDAT')
      assert.ok(command.size >= 0 && (Number.isSafeInteger(command.size) || command.fault !== undefined));
    if (command.verb === 'fault') assert.ok(command.fault.code >= 500);
    assert.match(printable(textOf(input)), /^[\t -~]*$/);
  },
};

export const addresses: Target = {
  name: 'addresses',
  share: 115,
  seeds: octetsOf(
    '<a@x.example>',
    '<>',
    '<"a b"@x.example> SIZE=1',
    '<@h,@i:a@x.example>',
    '<a@[IPv6:::1]>',
    'a.b@x.example',
  ),
  words: ADDRESS_WORDS,
  run(input) {
    const text = textOf(input);
    for (const smtputf8 of [false, true]) {
      for (const result of [parseReversePath(text, { smtputf8 }), parseForwardPath(text, { smtputf8 })])
        if ('path' in result && result.path !== null) comesBack(result.path);
      const parsed = parseMailbox(text, { smtputf8 });
      if (parsed === undefined) continue;
      assert.ok(smtputf8 || parsed.isAscii);
      comesBack(parsed);
    }
  },
};

/** An address that was read can be written and is then the same. */
function comesBack(address: Mailbox): void {
  const written = address.toString();
  assert.doesNotMatch(written, /[\r\n\0]/);
  if (address.domain === '') return;
  const read = parseMailbox(written, { smtputf8: true });
  assert.ok(read?.equals(address), `${JSON.stringify(written)} does not come back`);
}

const ALL = {
  size: true,
  eightBitMime: true,
  binaryMime: true,
  smtputf8: true,
  dsn: true,
  auth: true,
  requiretls: true,
  futureRelease: true,
} as const;

export const parameters: Target = {
  name: 'parameters',
  share: 80,
  seeds: octetsOf(...PARAMETER_WORDS.filter((word) => word.startsWith(' '))),
  words: PARAMETER_WORDS,
  run(input) {
    const text = textOf(input);
    const mail = parseMailParameters(text, ALL);
    if ('parameters' in mail && mail.parameters.size !== undefined) assert.ok(mail.parameters.size >= 0);
    if ('fault' in mail) assert.ok(mail.fault.code >= 500);
    const rcpt = parseRcptParameters(text, ALL);
    if ('parameters' in rcpt && rcpt.parameters.notify !== undefined)
      assert.ok(rcpt.parameters.notify.length > 0);
  },
};

export const xtext: Target = {
  name: 'xtext',
  share: 60,
  seeds: octetsOf('a+2Bb', 'rfc822;a+40b', '+', '+2', 'a\\x{E4}b', '\\x{10FFFF}', '+C3+A4'),
  words: PARAMETER_WORDS.map((word) => word.trim()),
  run(input) {
    const text = textOf(input);
    // What the other side decodes is what was meant.
    if (!/[\ud800-\udfff]/.test(text)) {
      assert.equal(parseXtext(formatXtext(text)), text);
      const unicode = formatUnicodeXtext(text);
      assert.equal(parseUnicodeXtext(unicode), text, unicode);
    }
    parseXtext(text);
    parseUnicodeXtext(text);
  },
};

export const domains: Target = {
  name: 'domains and networks',
  share: 60,
  seeds: octetsOf(
    'x.example',
    '[192.0.2.1]',
    '[IPv6:2001:db8::1]',
    '2001:db8::1',
    '::ffff:192.0.2.1',
    'fe80::1%eth0',
    '64:ff9b::192.0.2.33',
  ),
  words: [
    '::',
    ':',
    '.',
    'ffff',
    '0',
    '255',
    '256',
    '1.2.3.4',
    '[',
    ']',
    'IPv6:',
    '%',
    'x'.repeat(63),
    '-',
    'xn--',
  ],
  run(input) {
    const text = textOf(input);
    isDomainName(text);
    isDomainName(text, true);
    isAddressLiteral(text);
    isLoopback(text);
    const network = networkOf(text, { ipv4Prefix: 24, ipv6Prefix: 64 });
    assert.doesNotMatch(network, /NaN/);
  },
};

export const headers: Target = {
  name: 'header sections',
  share: 62,
  seeds: octetsOf(
    'From: a\r\nSubject: x\r\n folded\r\nReceived: y\r\n\r\nbody\r\n',
    'Content-Type: multipart/mixed;\r\n boundary=a\r\n\r\n--a\r\n\r\nx\r\n--a--\r\n',
    'no field\r\n: empty\r\nX:\r\n\r\n',
  ),
  words: MIME_WORDS,
  run(input) {
    const end = headerEnd(input);
    const header = end === -1 ? input : input.subarray(0, end);
    const { fields, received, contentType } = surveyHeader(header);
    assert.ok(received <= fields);
    const parsed = [...new ParsedHeaders(header)];
    assert.ok(parsed.every(({ name }) => name !== ''));
    assert.deepEqual(editHeader(header, []), Buffer.from(header), 'without an edit every octet stays');
    MimeStructure.of(contentType)?.receive(input.subarray(header.length));
  },
};

export const mime: Target = {
  name: 'MIME structure',
  share: 45,
  seeds: octetsOf(
    '--a\r\n\r\nhello\r\n--a--\r\n',
    '--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n--a--\r\n',
    '--a\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ny\r\n--a--\r\n',
  ),
  words: MIME_WORDS,
  run(input) {
    const count = (pieces: readonly Uint8Array[]): readonly number[] => {
      const structure = MimeStructure.of('multipart/mixed; boundary=a') as MimeStructure;
      for (const piece of pieces) structure.receive(piece);
      return [structure.parts, structure.deepest];
    };
    const whole = count([input]);
    assert.deepEqual(count(cut(input, Chance.of(input).sizes())), whole);
  },
};

const check = new SchemaCheck(tmpdir()).compile(ServerSchema);

export const configuration: Target = {
  name: 'configuration',
  share: 3,
  seeds: octetsOf(
    'hostname: mx.example.org\nlisteners:\n  - { name: mx, port: 25 }\nlimits: { messageSize: 50 MiB }\nplugins:\n  - use: x\n    config: { a: [1, ~] }\n',
    'hostname: "$' + '{env:HOME}"\nlisteners: [{ name: mx, port: 0, tls: none }]\ncontrol: false\n',
  ),
  words: YAML_WORDS,
  run(input) {
    const folder = mkdtempSync(join(tmpdir(), 'posthouse-fuzz-'));
    try {
      const file = join(folder, 'posthouse.yaml');
      writeFileSync(file, input);
      const { source } = readYaml(file, { HOME: 'x' });
      check(source.value, source.secrets);
      serverComplaints(source.value);
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
