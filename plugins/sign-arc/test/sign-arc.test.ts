import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { note } from '@posthouse/core';
import { mount, recordingLogger } from '@posthouse/core/testing';
import signArc from '../src/index.ts';
import { SealingKey } from '../src/sealing-key.ts';

const require = createRequire(import.meta.url);
const { authenticate } = require('mailauth') as {
  authenticate(
    message: Buffer,
    options: object,
  ): Promise<{ arc: { status: { result: string; comment?: string }; i: number } }>;
};

const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();
const KEYS = {
  rsa: pem(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey),
  ed: pem(generateKeyPairSync('ed25519').privateKey),
};
function recordOf(privateKey: string): string {
  const key = createPublicKey(privateKey);
  const der = key.export({ type: 'spki', format: 'der' });
  return key.asymmetricKeyType === 'ed25519'
    ? `v=DKIM1; k=ed25519; p=${der.subarray(-32).toString('base64')}`
    : `v=DKIM1; k=rsa; p=${der.toString('base64')}`;
}

async function verified(message: string): Promise<{ result: string; i: number; comment: string }> {
  const resolver = async (name: string, type: string) => {
    const record = { 'rsa._domainkey.house.example': KEYS.rsa, 'ed._domainkey.house.example': KEYS.ed }[name];
    if (record !== undefined && type === 'TXT') return [[recordOf(record)]];
    throw Object.assign(new Error('there is none'), { code: 'ENOTFOUND' });
  };
  const { arc } = await authenticate(Buffer.from(message, 'latin1'), {
    resolver,
    strict: true,
    ip: '192.0.2.1',
    mta: 'verifier.example',
  });
  return { result: arc.status.result, i: arc.i, comment: arc.status.comment ?? '' };
}

const MESSAGE = [
  'Authentication-Results: house.example;',
  '\tspf=pass smtp.mailfrom=a.example;',
  '\tdkim=pass header.d=a.example header.s=s',
  'Received: from a by b; Mon, 5 Jan 2026 12:00:00 +0000',
  'From: Ann <ann@a.example>',
  'To: bob@house.example',
  'Subject: A matter',
  'Date: Mon, 5 Jan 2026 12:00:00 +0000',
  'Message-ID: <1@a.example>',
  '',
  'Hello  there ',
  '',
  '',
].join('\r\n');

async function seal(
  message: string,
  cv: string | undefined,
  selector: 'rsa' | 'ed' = 'rsa',
): Promise<string> {
  const config = { domain: 'house.example', selector, key: KEYS[selector] };
  await using plugin = await mount(signArc(config));
  const chain = note<{ result: string }>('check-auth/arc');
  const notes = {
    get: (of: { name: string }) => (of.name === chain.name && cv !== undefined ? { result: cv } : undefined),
    set: () => {},
  };
  await plugin.ask('on-data', { message, notes } as unknown as Parameters<typeof plugin.ask>[1]);
  return plugin.signatures(message);
}

for (const selector of ['rsa', 'ed'] as const) {
  test(`a first seal by ${selector} verifies, and holds the results of the house`, async () => {
    const fields = await seal(MESSAGE, 'none', selector);
    assert.match(
      fields,
      /^ARC-Seal: i=1;.*\r\nARC-Message-Signature: i=1;.*\r\nARC-Authentication-Results: i=1; house\.example;\r\n\tspf=pass/s,
    );
    assert.match(fields, /cv=none/);
    const { result, i } = await verified(fields + MESSAGE);
    assert.deepEqual([result, i], ['pass', 1]);
  });
}

test('a second seal closes over the first', async () => {
  const once = (await seal(MESSAGE, 'none')) + MESSAGE;
  const twice = (await seal(once, 'pass', 'ed')) + once;
  assert.match(twice, /^ARC-Seal: i=2;.*?cv=pass/s);
  const { result, i } = await verified(twice);
  assert.deepEqual([result, i], ['pass', 2]);
});

test('whoever changes the message behind the seal breaks it', async () => {
  const sealed = (await seal(MESSAGE, 'none')) + MESSAGE;
  assert.equal((await verified(sealed.replace('Hello', 'Hallo'))).result, 'fail');
  assert.equal((await verified(sealed.replace('Subject: A', 'Subject: B'))).result, 'fail');
  assert.equal(
    (await verified(sealed.replace('i=1; house.example;\r\n\tspf=pass', 'i=1; house.example;\r\n\tspf=fail')))
      .result,
    'fail',
  );
});

test('a chain that was broken on arrival is sealed as failed, and never again', async () => {
  const once = ((await seal(MESSAGE, 'none')) + MESSAGE).replace('Hello', 'Hallo');
  const twice = (await seal(once, 'fail')) + once;
  assert.match(twice, /^ARC-Seal: i=2;.*?cv=fail/s);
  assert.equal((await verified(twice)).result, 'fail');
  assert.equal(await seal(twice, 'fail'), '');
});

describe('there is no seal', () => {
  test('where nobody has checked the message', async () => {
    assert.equal(await seal(MESSAGE, undefined), '');
  });

  test('where an edit has broken a chain that was good', async () => {
    const once = (await seal(MESSAGE, 'none')) + MESSAGE;
    assert.equal(
      await seal(once.replace('ARC-Message-Signature: i=1', 'ARC-Message-Signature: i=2'), 'pass'),
      '',
    );
  });

  test('where the results are not in the message, or in the name of another', async () => {
    assert.equal(await seal(MESSAGE.slice(MESSAGE.indexOf('Received:')), 'none'), '');
    assert.equal(await seal(MESSAGE.replace('house.example;', 'house.example.evil.example;'), 'none'), '');
  });
});

test('a header section of a quarter of a megabyte of folded lines is sealed in its stride', async () => {
  const long = MESSAGE.replace('Subject: A matter', `Subject: A matter${'\r\n x'.repeat(60_000)}`);
  const before = process.cpuUsage();
  const sealed = (await seal(long, 'none')) + long;
  assert.ok(process.cpuUsage(before).user < 2_000_000);
  assert.match(sealed, /^ARC-Seal: i=1;/);
});

describe('the key', () => {
  const load = (config: object) =>
    mount(signArc({ domain: 'house.example', selector: 's', ...config } as Parameters<typeof signArc>[0]));
  const table: readonly (readonly [string, object, RegExp])[] = [
    ['is one of two', {}, /takes either keyFile or key/],
    ['is not both', { key: KEYS.ed, keyFile: './x' }, /takes either keyFile or key/],
    ['is PEM', { key: 'secret words' }, /no private key in PEM form/],
    ['is there', { keyFile: '/nowhere/arc.key' }, /keyFile \/nowhere\/arc\.key cannot be read/],
    [
      'is for DKIM',
      { key: pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey) },
      /must be Ed25519, or RSA/,
    ],
  ];
  for (const [what, config, error] of table) {
    test(what, async () => {
      await assert.rejects(load(config), (thrown: Error) => {
        assert.match(thrown.message, error);
        assert.ok(!thrown.message.includes('secret words'));
        return true;
      });
    });
  }

  test('is read again when its file changes, and kept when the new one is no good', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sign-arc-'));
    try {
      const keyFile = join(folder, 'arc.key');
      writeFileSync(keyFile, KEYS.rsa);
      const log = recordingLogger();
      const key = new SealingKey({ keyFile }, log);
      await key.load();
      writeFileSync(keyFile, 'broken');
      await key.reload();
      await key.reload();
      assert.equal(key.key?.asymmetricKeyType, 'rsa');
      writeFileSync(keyFile, KEYS.ed);
      await key.reload();
      assert.equal(key.key?.asymmetricKeyType, 'ed25519');
      assert.deepEqual(
        log.lines.map(({ text }) => text),
        ['key not read anew; the one before stays in use', 'key read anew'],
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
