// Whole deliveries to endpoints on loopback: what arrives there, and what becomes of the message when they misbehave.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { endpoint, kind, MESSAGE, room, until } from './endpoint.ts';

const SECRET = 'a secret of some length';
const BIG = `Subject: big\r\n\r\n${`${'x'.repeat(70)}\r\n`.repeat(20_000)}`;

describe('a request', () => {
  it('carries the message octet for octet, and its envelope beside it', async () => {
    await using there = await endpoint();
    await using house = await room({ url: there.url, headers: { authorization: 'Bearer abc' } });
    const outcome = (await house.outcomes({ sender: null }))['bob@b.example'];
    assert.deepEqual(outcome, { kind: 'delivered', text: '200 OK thanks' });
    const [heard] = there.heard;
    assert.equal(heard?.body.toString(), MESSAGE);
    assert.equal(heard?.headers['content-type'], 'message/rfc822');
    assert.equal(heard?.headers['content-length'], String(MESSAGE.length));
    assert.equal(heard?.headers.authorization, 'Bearer abc');
    assert.equal(heard?.headers['posthouse-envelope'], '{"sender":"","recipients":["bob@b.example"]}');
    assert.equal(heard?.headers['posthouse-signature'], undefined);
  });

  it('writes addresses beyond ASCII so that a header field carries them', async () => {
    await using there = await endpoint();
    await using house = await room({ url: there.url });
    await house.send({ recipients: ['böb😀@b.example'] });
    const text = there.heard[0]?.headers['posthouse-envelope'] as string;
    assert.match(text, /^[ -~]*$/);
    assert.deepEqual(JSON.parse(text).recipients, ['böb😀@b.example']);
  });

  for (const inMemory of [true, false]) {
    it(`streams a large message, signed (${inMemory ? 'in memory' : 'from the store'})`, async () => {
      await using there = await endpoint();
      await using house = await room({ url: there.url, secret: SECRET });
      assert.equal(await house.send({ message: BIG, inMemory }), 'delivered');
      const [heard] = there.heard;
      assert.equal(heard?.body.toString(), BIG);
      const { 'posthouse-signature': signature, 'idempotency-key': key } = heard?.headers ?? {};
      const [, seconds, digest] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(signature)) ?? [];
      assert.equal(seconds, String(Math.floor(house.clock.now() / 1000)));
      const signed = createHmac('sha256', SECRET)
        .update(`${seconds}.${key}.${heard?.headers['posthouse-envelope']}.`)
        .update(heard?.body ?? '')
        .digest('hex');
      assert.equal(digest, signed);
    });
  }

  it('as JSON has the header fields, and the message in base64, however it is cut', async () => {
    await using there = await endpoint();
    await using house = await room({ url: there.url, format: 'json' });
    for (const message of [MESSAGE, `${MESSAGE}x`, `${MESSAGE}xy`, BIG]) {
      assert.equal(await house.send({ message, inMemory: false }), 'delivered');
      const body = JSON.parse(there.heard.at(-1)?.body.toString() ?? '');
      assert.equal(Buffer.from(body.raw, 'base64').toString(), message);
    }
    const { raw: _, ...about } = JSON.parse(there.heard[0]?.body.toString() ?? '');
    assert.deepEqual(about.envelope, { sender: 'ann@a.example', recipients: ['bob@b.example'] });
    assert.equal(about.size, MESSAGE.length);
    assert.deepEqual(
      about.headers.map(({ name }: { name: string }) => name),
      ['subject', 'to'],
    );
  });

  it('parsed has text, HTML and attachments', async () => {
    await using there = await endpoint();
    await using house = await room({ url: there.url, format: 'parsed' });
    const part = (type: string, more: string, body: string): string =>
      `--b\r\nContent-Type: ${type}\r\n${more}\r\n${body}\r\n`;
    const message = `Content-Type: multipart/mixed; boundary=b\r\n\r\n${part('text/plain', '', 'hi')}${part(
      'text/html',
      '',
      '<p>hi</p>',
    )}${part(
      'application/x-y; name=a.bin',
      'Content-Disposition: attachment; filename=a.bin\r\nContent-Transfer-Encoding: base64\r\n',
      'AAEC',
    )}--b--\r\n`;
    assert.equal(await house.send({ message, inMemory: false }), 'delivered');
    const body = JSON.parse(there.heard[0]?.body.toString() ?? '');
    assert.match(body.text, /^hi/);
    assert.match(body.html, /<p>hi<\/p>/);
    assert.equal(body.attachments[0].filename, 'a.bin');
    assert.equal(body.attachments[0].content, 'AAEC');
  });

  it('has a key that stays for the same recipients and changes with them', async () => {
    await using there = await endpoint();
    await using house = await room({ url: there.url });
    const pair = ['bob@b.example', 'cyd@b.example'];
    for (const recipients of [pair, [...pair].reverse(), ['bob@b.example']]) await house.send({ recipients });
    const [first, second, third] = there.heard.map(({ headers }) => headers['idempotency-key']);
    assert.match(String(first), /^ITEM1-[0-9a-f]{32}$/);
    assert.equal(first, second);
    assert.notEqual(first, third);
  });

  it('goes for each recipient by itself where that is asked for, each with its own answer', async () => {
    await using there = await endpoint((response, _, { headers }) => {
      response.statusCode = String(headers['posthouse-envelope']).includes('cyd@') ? 404 : 202;
      response.end();
    });
    await using house = await room({ url: there.url, recipientsPerRequest: 1 });
    const outcomes = await house.outcomes({
      recipients: ['bob@b.example', 'cyd@b.example', 'dee@b.example'],
    });
    assert.deepEqual(Object.values(outcomes).map(kind), ['delivered', 'failed 5.1.1', 'delivered']);
    assert.equal(there.heard.length, 3);
  });

  it('shares a kept connection, and is sent anew when that had ended', async () => {
    await using there = await endpoint();
    await using house = await room({ url: there.url });
    await house.send();
    await house.send();
    assert.equal(there.connections.length, 1);
    there.connections[0]?.resetAndDestroy();
    assert.equal(await house.send(), 'delivered');
    assert.equal(there.connections.length, 2);
  });

  it('is not made for a message above the limit', async () => {
    await using there = await endpoint();
    await using house = await room({ url: there.url, maxSize: 10 });
    assert.equal(await house.send(), 'failed 5.3.4');
    assert.equal(there.begun, 0);
  });
});

describe('an endpoint that misbehaves', () => {
  it('by resetting the connection at once leaves the mail waiting', async () => {
    await using there = await endpoint(undefined, { early: (request) => request.socket.resetAndDestroy() });
    await using house = await room({ url: there.url });
    assert.match(await house.send({ message: BIG, inMemory: false }), /^deferred 4\.4\.[12]$/);
  });

  it('by hanging up instead of answering may have the message', async () => {
    await using there = await endpoint((response) => response.socket?.destroy());
    await using house = await room({ url: there.url });
    assert.equal(await house.send(), 'deferred 4.4.2');
  });

  it('by answering nonsense may have the message', async () => {
    await using there = await endpoint((response) => response.socket?.end('220 hop.example ESMTP\r\n'));
    await using house = await room({ url: there.url });
    assert.equal(await house.send(), 'deferred 4.4.2');
  });

  it('by saying nothing is given up after the silence', async () => {
    await using there = await endpoint(() => {});
    await using house = await room({ url: there.url, silence: 10_000 });
    const sent = house.send();
    await until(() => there.heard.length > 0);
    await house.clock.advance(11_000);
    assert.equal(await sent, 'deferred 4.4.2');
    await until(() => there.connections[0]?.destroyed === true);
  });

  it('by not reading is given up too', async () => {
    await using there = await endpoint(undefined, { early: (request) => request.pause() });
    await using house = await room({ url: there.url, silence: 10_000 });
    const message = `Subject: x\r\n\r\n${`${'x'.repeat(998)}\r\n`.repeat(20_000)}`;
    const sent = house.send({ message, inMemory: false });
    await until(() => there.begun > 0);
    for (let turns = 0; turns < 40; turns++) await house.clock.advance(10_000);
    assert.equal(await sent, 'deferred 4.4.1');
  });

  it('by dripping its answer is judged by the status that it gave', async () => {
    await using there = await endpoint((response) => {
      response.writeHead(200);
      response.write('slow');
    });
    await using house = await room({ url: there.url, silence: 10_000 });
    let answered = false;
    const sent = house.send().then((outcome) => {
      answered = true;
      return outcome;
    });
    await until(() => there.heard.length > 0);
    while (!answered) await house.clock.advance(3000);
    assert.equal(await sent, 'delivered');
  });

  it('by answering without end is read for a little only', async () => {
    await using there = await endpoint((response) => {
      response.writeHead(500);
      const more = (): void => {
        while (response.write('x'.repeat(10_000)));
      };
      response.on('drain', more);
      more();
    });
    await using house = await room({ url: there.url });
    const outcome = (await house.outcomes())['bob@b.example'];
    assert.equal(kind(outcome), 'deferred 4.3.0');
    assert.ok(outcome?.kind === 'deferred' && outcome.text.length < 300);
  });

  it('by refusing before the end of the body is believed', async () => {
    await using there = await endpoint(undefined, {
      early: (request, response) => {
        request.resume();
        response.writeHead(413).end('too big');
      },
    });
    await using house = await room({ url: there.url });
    assert.equal(await house.send({ message: BIG, inMemory: false }), 'failed 5.3.4');
  });

  it('by not being there makes its other messages wait', async () => {
    const there = await endpoint();
    await there[Symbol.asyncDispose]();
    await using house = await room({ url: there.url });
    const outcome = (await house.outcomes({ recipients: ['bob@b.example'] }))['bob@b.example'];
    assert.equal(kind(outcome), 'deferred 4.4.1');
    assert.equal(outcome?.kind === 'deferred' && outcome.scope, 'destination');
  });

  it('is not asked for the other recipients when it is not there', async () => {
    await using there = await endpoint((response) => response.writeHead(503).end());
    await using house = await room({ url: there.url, recipientsPerRequest: 1 });
    const outcomes = await house.outcomes({ recipients: ['bob@b.example', 'cyd@b.example'] });
    assert.deepEqual(Object.values(outcomes).map(kind), ['deferred 4.3.2', 'deferred 4.3.2']);
    assert.equal(there.heard.length, 1);
  });

  it('leaves an aborted attempt waiting', async () => {
    await using there = await endpoint(() => {});
    await using house = await room({ url: there.url });
    const controller = new AbortController();
    const sent = house.send({ signal: controller.signal });
    await until(() => there.heard.length > 0);
    controller.abort();
    assert.equal(await sent, 'deferred 4.4.2');
  });
});

describe('over TLS', () => {
  const { key, cert } = selfSigned();

  it('a certificate that nobody vouches for is refused, and nothing is sent', async () => {
    await using there = await endpoint(undefined, { tls: { key, cert } });
    await using house = await room({ url: there.url });
    assert.equal(await house.send(), 'deferred 4.7.5');
    assert.equal(there.begun, 0);
  });

  it('the certificates of the configuration are believed, for their names only', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'posthouse-http-'));
    try {
      const ca = join(folder, 'ca.pem');
      writeFileSync(ca, cert);
      await using there = await endpoint(undefined, { tls: { key, cert } });
      await using house = await room({ url: there.url, ca });
      assert.equal(await house.send(), 'delivered');
      await using other = await room({ url: there.url.replace('127.0.0.1', 'localhost'), ca });
      assert.equal(await other.send(), 'deferred 4.7.5');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the configuration', () => {
  it('claims its domains for the endpoint, without what is secret in the URL', async () => {
    await using house = await room({ url: 'https://hooks.example/in?key=1', domains: ['B.example'] });
    assert.equal(await house.plugin.claim('bob@b.example'), 'https://hooks.example/in');
    assert.equal(await house.plugin.claim('bob@c.example'), undefined);
  });

  it('refuses what is no URL, and credentials in it', async () => {
    await assert.rejects(room({ url: 'https://' }), /not a URL/);
    await assert.rejects(room({ url: 'https://a:b@hooks.example/' }), /credentials/);
  });
});

function selfSigned(): { readonly key: string; readonly cert: string } {
  const folder = mkdtempSync(join(tmpdir(), 'posthouse-http-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  try {
    const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const about = ['-subj', '/CN=hooks.example', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
    execFileSync('openssl', ['req', '-x509', ...newKey, ...about, '-keyout', key, '-out', cert], {
      stdio: 'ignore',
    });
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
