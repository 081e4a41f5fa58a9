import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { definePlugin, EventSink } from '@posthouse/core';
import { deliverMemory, fakeClock, fakeResolver, mount, openHouse } from '@posthouse/core/testing';
import reportTls from '../src/index.ts';
import { facts } from './facts.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'report-tls-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const HOUR = 3_600_000;
const DAY_FILE = '2026-01-05.results';
const config = (over: object = {}) =>
  ({ path: folder, organization: 'House', from: 'tls@house.example', ...over }) as Parameters<
    typeof reportTls
  >[0];

/** Says what deliver-smtp would. */
function sayer() {
  let emit: EventSink['emit'] = () => {};
  const plugin = definePlugin({
    name: 'sayer',
    needs: { events: EventSink },
    setup({ events }) {
      emit = (name, about) => events.emit(name, about);
      return {};
    },
  });
  return {
    plugin: plugin(),
    say: (over?: Parameters<typeof facts>[0]) => emit('tls-attempted', facts(over)),
  };
}

/** Files are written in the thread pool, whose turns are not the fake clock's. */
async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!holds()) {
    assert.ok(Date.now() < deadline, 'waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('a day survives a restart and leaves as mail to the domains that ask for it', async () => {
  const resolver = fakeResolver({
    '_smtp._tls.a.example': { txt: ['v=TLSRPTv1; rua=mailto:r@a.example,mailto:r@else.example'] },
    '_smtp._tls.b.example': { txt: [] },
  });
  const clock = fakeClock();
  const first = sayer();
  const before = await openHouse({
    plugins: [first.plugin, reportTls(config({ exclude: ['C.example'] })), deliverMemory()],
    clock,
    resolver,
  });
  first.say();
  first.say();
  first.say({ result: 'certificate-expired' });
  first.say({ domain: 'b.example' });
  first.say({ domain: 'mail.c.example' });
  await before.stop();
  assert.deepEqual(readdirSync(folder), [DAY_FILE]);

  const transport = deliverMemory();
  await using house = await openHouse({
    plugins: [sayer().plugin, reportTls(config()), transport],
    clock,
    resolver,
  });
  await clock.advance(15 * HOUR);
  await until(() => !existsSync(join(folder, DAY_FILE)));
  await clock.advance(60_000);
  const mails = await transport.delivered(2);
  assert.deepEqual(mails.map(({ recipients }) => recipients.toString()).sort(), [
    'r@a.example',
    'r@else.example',
  ]);
  const mail = mails[0]?.content ?? '';
  assert.match(mail, /\r\nTLS-Report-Domain: a\.example\r\nTLS-Report-Submitter: house\.example\r\n/);
  assert.match(mail, /multipart\/report; report-type="tlsrpt";/);
  const packed = /base64\r\n(?:[^\r]+\r\n)+\r\n([A-Za-z0-9+/=\r\n]+)\r\n--/.exec(mail)?.[1] ?? '';
  const report = JSON.parse(gunzipSync(Buffer.from(packed, 'base64')).toString());
  assert.deepEqual(report.policies[0].summary, {
    'total-successful-session-count': 2,
    'total-failure-session-count': 1,
  });
  assert.deepEqual(
    house.log.lines
      .filter(({ text }) => text === 'TLS reports sent')
      .map(({ fields }) => [fields.domains, fields.reports]),
    [[2, 2]],
  );
});

test('what cannot be sent is tried again for a day, what was sent is not, and then the day goes', async () => {
  const resolver = fakeResolver({
    '_smtp._tls.a.example': { txt: ['v=TLSRPTv1; rua=mailto:r@a.example,https://inside.example/tls'] },
    '_smtp._tls.b.example': 'unavailable',
    'inside.example': { a: ['10.0.0.1'] },
  });
  const clock = fakeClock();
  const { plugin, say } = sayer();
  const transport = deliverMemory();
  await using house = await openHouse({ plugins: [plugin, reportTls(config()), transport], clock, resolver });
  say();
  say({ domain: 'b.example' });
  const tries = () => house.log.lines.filter(({ text }) => text === 'TLS report not taken');
  await clock.advance(60_000);
  await until(() => readdirSync(folder).length === 1);
  await clock.advance(15 * HOUR);
  await until(() => tries().length > 0);
  assert.match(String(tries()[0]?.fields.error), /inside\.example has an address in a local network/);
  resolver.set('_smtp._tls.b.example', { txt: ['v=TLSRPTv1; rua=mailto:r@b.example'] });
  await clock.advance(600_000);
  const mails = await transport.delivered(2);
  assert.deepEqual(
    mails.map(({ recipients }) => recipients.toString()),
    ['r@a.example', 'r@b.example'],
  );
  assert.ok(existsSync(join(folder, DAY_FILE)));
  await clock.advance(24 * HOUR);
  await until(() => !existsSync(join(folder, DAY_FILE)));
  assert.equal(transport.messages.length, 2);
});

test('an address that is none is a mistake of the configuration', async () => {
  await assert.rejects(
    mount(reportTls(config({ from: 'nobody' }))),
    /report-tls: from "nobody" is not a mail address/,
  );
});
