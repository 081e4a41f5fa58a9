// check-milter with real milters: OpenDKIM, which signs and verifies, and OpenDMARC, which reads what OpenDKIM found.

import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import checkAuth from '@posthouse/check-auth';
import checkMilter from '@posthouse/check-milter';
import { definePlugin, Verdict } from '@posthouse/core';
import { deliverMemory, fakeResolver, openHouse } from '@posthouse/core/testing';
import { Daemon } from '../support/daemon.ts';
import { lacks, missingProgram } from '../support/requirements.ts';
import { TemporaryFolder } from '../support/server-process.ts';

const KEY = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PEM = KEY.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const RECORD = `v=DKIM1; k=rsa; p=${createPublicKey(KEY.privateKey).export({ type: 'spki', format: 'der' }).toString('base64')}`;
const NAME = 's._domainkey.client.example';

const accepts = definePlugin({
  name: 'accepts',
  setup: () => ({ hooks: { 'on-rcpt': () => Verdict.accept() } }),
});

/** Sends a message through a house with these plugins, and gives it as it was delivered; or the reply to it. */
async function through(
  plugins: Parameters<typeof openHouse>[0]['plugins'],
  message: string,
  reply = '250 *',
  remoteAddress = '127.0.0.1',
): Promise<string> {
  const far = deliverMemory();
  const resolver = fakeResolver({ [NAME]: { txt: [RECORD] } });
  await using house = await openHouse({ plugins: [...plugins, accepts(), far], resolver });
  const lines = message.split('\r\n').map((line) => `C: ${line}`);
  const dialogue = [
    'S: 220 *',
    'C: HELO client.example',
    'S: 250 *',
    'C: MAIL FROM:<ann@client.example>',
    'S: 250 *',
    'C: RCPT TO:<bob@house.example>',
    'S: 250 *',
    'C: DATA',
    'S: 354 *',
    ...lines,
    'C: .',
    `S: ${reply}`,
  ];
  await house.talk(dialogue.join('\n'), { remoteAddress });
  return reply === '250 *' ? ((await far.delivered(1))[0]?.content ?? '') : '';
}

const MESSAGE = [
  'From: "Ann, the  first" <ann@client.example>',
  'To: bob@house.example',
  'Subject: A matter',
  '\tof  some length',
  'Date: Mon, 5 Jan 2026 12:00:00 +0000',
  'Message-ID: <1@client.example>',
  '',
  'Hello  there ',
  'and good-bye',
].join('\r\n');

class Milters implements AsyncDisposable {
  readonly #folder = new TemporaryFolder('interop-milters');
  readonly #daemons: Daemon[] = [];

  async opendkim(name: string, settings: readonly string[]): Promise<string> {
    const socket = this.#folder.join(`${name}.sock`);
    const key = this.#folder.join('key');
    writeFileSync(key, PEM);
    chmodSync(key, 0o600);
    writeFileSync(this.#folder.join('keys'), `${NAME} ${RECORD}\n`);
    return this.#start('opendkim', name, socket, [
      `Socket local:${socket}`,
      `Domain client.example`,
      'Selector s',
      `KeyFile ${key}`,
      `TestDNSData ${this.#folder.join('keys')}`,
      'Syslog no',
      'RequireSafeKeys no',
      `PidFile ${this.#folder.join(`${name}.pid`)}`,
      ...settings,
    ]);
  }

  async opendmarc(): Promise<string> {
    const socket = this.#folder.join('dmarc.sock');
    writeFileSync(this.#folder.join('psl'), 'example\n');
    return this.#start('opendmarc', 'dmarc', socket, [
      `Socket local:${socket}`,
      'AuthservID house.example',
      'TrustedAuthservIDs house.example',
      `PublicSuffixList ${this.#folder.join('psl')}`,
      'Syslog false',
      `PidFile ${this.#folder.join('dmarc.pid')}`,
    ]);
  }

  async #start(program: string, name: string, socket: string, settings: readonly string[]): Promise<string> {
    const file = this.#folder.join(`${name}.conf`);
    writeFileSync(file, `${settings.join('\n')}\n`);
    const flags = program === 'opendkim' ? ['-f', '-x', file] : ['-f', '-c', file];
    this.#daemons.push(await Daemon.start(program, flags, { path: socket }));
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // They take five seconds over an orderly end, and have nothing to lose.
    await Promise.all(this.#daemons.map((daemon) => daemon.kill()));
    this.#folder.remove();
  }
}

test('what OpenDKIM signs as a milter of ours is good here and there, in every canonicalization', async (t) => {
  if (lacks(t, missingProgram('opendkim', '-V'))) return;
  await using milters = new Milters();
  const verifier = await milters.opendkim('verify', ['Mode v', 'AuthservID house.example']);
  for (const canonicalization of ['relaxed/relaxed', 'simple/simple', 'relaxed/simple']) {
    const signer = await milters.opendkim(canonicalization.replace('/', '-'), [
      'Mode s',
      'InternalHosts 127.0.0.1',
      `Canonicalization ${canonicalization}`,
    ]);
    const signed = await through([checkMilter({ milters: [{ at: signer }] })], MESSAGE);
    assert.match(signed, /^DKIM-Signature: v=1; a=rsa-sha256;/);
    const content = signed.replace(/\r\n$/, '');
    const here = await through([checkAuth()], content, '250 *', '192.0.2.1');
    assert.match(here, /dkim=pass/);
    const there = await through(
      [checkMilter({ milters: [{ at: verifier }] })],
      content,
      '250 *',
      '192.0.2.1',
    );
    assert.match(there, /^Authentication-Results: house\.example;\s+dkim=pass/m);
    const changed = await through(
      [checkMilter({ milters: [{ at: verifier }] })],
      content.replace('Hello', 'Hallo'),
      '250 *',
      '192.0.2.1',
    );
    assert.match(changed, /^Authentication-Results: house\.example;\s+dkim=fail/m);
  }
});

test('OpenDMARC sees what OpenDKIM before it found', async (t) => {
  if (lacks(t, missingProgram('opendkim', '-V') ?? missingProgram('opendmarc', '-V'))) return;
  await using milters = new Milters();
  const dkim = await milters.opendkim('verify', [
    'Mode v',
    'AuthservID house.example',
    'AlwaysAddARHeader yes',
  ]);
  const dmarc = await milters.opendmarc();
  const configured = checkMilter({ milters: [{ at: dkim }, { at: `unix:${dmarc}` }] });
  const delivered = await through([configured], MESSAGE, '250 *', '192.0.2.1');
  assert.match(delivered, /^Authentication-Results: house\.example; dmarc=\w+/m);
  assert.match(delivered, /^Authentication-Results: house\.example;\s+dkim=none/m);
});
