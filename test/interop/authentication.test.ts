// Who a message is from, among strangers: what rspamd signs and seals and dkimpy seals is good here, and ours is good
// there. With OpenDKIM: dkim.test.ts and milters.test.ts.

import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import checkAuth from '@posthouse/check-auth';
import { definePlugin, Verdict } from '@posthouse/core';
import { deliverMemory, fakeResolver, openHouse } from '@posthouse/core/testing';
import signArc from '@posthouse/sign-arc';
import signDkim from '@posthouse/sign-dkim';
import { lacks, missingProgram } from '../support/requirements.ts';
import { RspamdInstance } from '../support/rspamd-instance.ts';
import { TemporaryFolder } from '../support/server-process.ts';
import { run } from './programs.ts';

const SIGNER = 'client.example';
const KEY = generateKeyPairSync('rsa', { modulusLength: 2048 })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();
const RECORD = `v=DKIM1; k=rsa; p=${createPublicKey(KEY).export({ type: 'spki', format: 'der' }).toString('base64')}`;
const NAMES = [`s._domainkey.${SIGNER}`, 'seal._domainkey.posthouse.test', 'seal._domainkey.house.example'];
const resolver = fakeResolver(Object.fromEntries(NAMES.map((name) => [name, { txt: [RECORD] }])));

const MESSAGE = Buffer.from(
  [
    'From: "Ann, the  first" <ann@client.example>',
    'To: bob@posthouse.test',
    'Subject: A matter',
    '\tof  some length',
    'Date: Mon, 5 Jan 2026 12:00:00 +0000',
    'Message-ID: <1@client.example>',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    '',
    'Hello  there ',
    '\ttabs and blanks \t',
    '',
    'Ann',
    '',
    '',
  ].join('\r\n'),
);

const accepts = definePlugin({
  name: 'accepts',
  setup: () => ({ hooks: { 'on-rcpt': () => Verdict.accept() } }),
});
type Plugins = Parameters<typeof openHouse>[0]['plugins'];

/** A house that is sent messages, and what it sends on. */
async function open(plugins: Plugins) {
  const transport = deliverMemory();
  const house = await openHouse({ plugins: [...plugins, accepts(), transport], resolver });
  let count = 0;
  return {
    [Symbol.asyncDispose]: () => house.stop(),
    async through(message: Buffer): Promise<Buffer> {
      const stream = house.connect();
      const stuffed = message.toString('latin1').replace(/^\./gm, '..');
      stream.resume();
      stream.write(
        'EHLO client.example\r\nMAIL FROM:<ann@client.example>\r\nRCPT TO:<bob@posthouse.test>\r\nDATA\r\n',
      );
      stream.write(Buffer.from(`${stuffed}.\r\n`, 'latin1'));
      count += 1;
      const delivered = await transport.delivered(count);
      stream.destroy();
      return Buffer.from(delivered[count - 1]?.content ?? '', 'utf8');
    },
    /** Our results, from the field that the house writes. */
    async results(message: Buffer): Promise<readonly string[]> {
      const field = (await this.through(message)).toString('latin1').split(/\r\n(?![ \t])/)[0] ?? '';
      return [...field.matchAll(/\t(\w+=\w+)/g)].map(([, result]) => result ?? '');
    },
  };
}

test('what rspamd signs and seals is good here, and what we sign and seal is good there', async (t) => {
  if (lacks(t, missingProgram('rspamd', '--version'))) return;
  using folder = new TemporaryFolder('interop-auth');
  await using checks = await open([checkAuth()]);
  const key = folder.join('s.key');
  writeFileSync(key, KEY);
  writeFileSync(folder.join('message'), MESSAGE);
  const { status, output } = await run('rspamadm', [
    'mime',
    'sign',
    '-d',
    SIGNER,
    '-s',
    's',
    '-k',
    key,
    folder.join('message'),
  ]);
  assert.equal(status, 0, output);
  const signed = Buffer.from(output.slice(output.indexOf('DKIM-Signature')).trimEnd(), 'latin1');
  const theirs = Buffer.concat([signed.subarray(0, signed.indexOf('From: ')), MESSAGE]);
  assert.deepEqual(await checks.results(theirs), ['spf=none', 'dkim=pass', 'dmarc=none']);

  const records = Object.fromEntries(NAMES.map((name) => [name, RECORD]));
  await using rspamd = await RspamdInstance.start(folder, 'posthouse.test', records, key);
  const envelope = { from: 'ann@client.example', rcpt: 'bob@posthouse.test' };
  const symbols = async (message: Buffer) => Object.keys((await rspamd.check(message, envelope)).symbols);

  const dkim = signDkim({
    keys: [{ domain: SIGNER, selector: 's', key: KEY, subdomains: false }],
    when: { listeners: ['mx'] },
  } as never);
  const arc = signArc({ domain: 'house.example', selector: 'seal', key: KEY } as never);
  await using author = await open([checkAuth(), dkim, arc]);
  const ours = await author.through(MESSAGE);
  const found = await symbols(ours);
  assert.ok(found.includes('R_DKIM_ALLOW') && found.includes('ARC_ALLOW'), found.join(' '));
  // It does not sign twice with one key, and so only seals.
  const twice = await author.through(ours);
  assert.match(twice.toString('latin1'), /^ARC-Seal: i=2;/);
  assert.ok((await symbols(twice)).includes('ARC_ALLOW'));
  const broken = Buffer.from(twice.toString('latin1').replace('Hello', 'Hallo'), 'latin1');
  assert.ok((await symbols(broken)).includes('ARC_REJECT'));

  const { milter } = await rspamd.check(theirs, envelope);
  const sealed = Buffer.concat([Buffer.from(arcFields(milter?.add_headers ?? {}), 'latin1'), theirs]);
  assert.match(sealed.toString('latin1'), /^ARC-/);
  assert.deepEqual(await checks.results(sealed), ['spf=none', 'dkim=pass', 'arc=pass', 'dmarc=none']);
  assert.ok((await symbols(sealed)).includes('ARC_ALLOW'));
});

/** Debian's own: its dkimpy is not to be found by another python3. */
const PYTHON = '/usr/bin/python3';
const DKIMPY = `
import sys, dkim
what, record, *more = sys.argv[1:]
message = sys.stdin.buffer.read()
if what == 'verify':
  result, _, why = dkim.arc_verify(message, dnsfunc=lambda name, timeout=5: record.encode())
  print(result.decode(), why)
else:
  fields = dkim.arc_sign(message, b'seal', more[0].encode(), open(more[1], 'rb').read(), b'house.example')
  sys.stdout.buffer.write(b''.join(reversed(fields)))
`;

test('what dkimpy seals is good here, and what we seal is good there, in one chain', async (t) => {
  if (lacks(t, missingProgram(PYTHON, '-c', 'import dkim, authres'))) return;
  using folder = new TemporaryFolder('interop-auth');
  const key = folder.join('s.key');
  writeFileSync(key, KEY);
  const verify = async (message: Buffer): Promise<string> =>
    (await run(PYTHON, ['-c', DKIMPY, 'verify', RECORD], message)).output.trim();
  /** It seals what Authentication-Results of house.example say, in the name of posthouse.test. */
  const seal = async (message: Buffer): Promise<Buffer> => {
    const { status, output } = await run(PYTHON, ['-c', DKIMPY, 'seal', '', 'posthouse.test', key], message);
    assert.equal(status, 0, output);
    return Buffer.concat([Buffer.from(output.replace(/\r?\n/g, '\r\n'), 'latin1'), message]);
  };
  await using checks = await open([checkAuth()]);
  const arc = signArc({ domain: 'house.example', selector: 'seal', key: KEY } as never);
  await using forwarder = await open([checkAuth(), arc]);

  const ours = await forwarder.through(MESSAGE);
  assert.match(ours.toString('latin1'), /^ARC-Seal: i=1;/);
  assert.equal(await verify(ours), 'pass success');
  const second = await seal(await checks.through(ours));
  assert.match(second.toString('latin1'), /ARC-Seal: [^:]*i=2;/);
  assert.deepEqual(await checks.results(second), ['spf=none', 'dkim=none', 'arc=pass', 'dmarc=none']);
  const third = await forwarder.through(second);
  assert.match(third.toString('latin1'), /^ARC-Seal: i=3;/);
  assert.equal(await verify(third), 'pass success');

  const first = await seal(await checks.through(MESSAGE));
  assert.deepEqual(await checks.results(first), ['spf=none', 'dkim=none', 'arc=pass', 'dmarc=none']);
  const changed = (message: Buffer) =>
    Buffer.from(message.toString('latin1').replace('Hello', 'Hallo'), 'latin1');
  assert.match(await verify(changed(third)), /^fail/);
  assert.deepEqual(await checks.results(changed(second)), [
    'spf=none',
    'dkim=none',
    'arc=fail',
    'dmarc=none',
  ]);
});

function arcFields(
  headers: NonNullable<NonNullable<Awaited<ReturnType<RspamdInstance['check']>>['milter']>['add_headers']>,
): string {
  return ['ARC-Seal', 'ARC-Message-Signature', 'ARC-Authentication-Results']
    .map((name) => {
      const field = [headers[name] ?? []].flat()[0];
      return field === undefined ? '' : `${name}: ${field.value.replace(/\r?\n/g, '\r\n')}\r\n`;
    })
    .join('');
}
