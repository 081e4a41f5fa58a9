import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { definePlugin, EventSink } from '@posthouse/core';
import { deliverMemory, fakeClock, fakeResolver, mount, openHouse } from '@posthouse/core/testing';
import reportDmarc from '../src/index.ts';
import { facts } from './facts.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'report-dmarc-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const HOUR = 3_600_000;
const config = (over: object = {}) =>
  ({ path: folder, organization: 'House', from: 'postmaster@house.example', ...over }) as Parameters<
    typeof reportDmarc
  >[0];

/** Says what check-auth would. */
function checker() {
  let emit: EventSink['emit'] = () => {};
  const plugin = definePlugin({
    name: 'checker',
    needs: { events: EventSink },
    setup({ events }) {
      emit = (name, about) => events.emit(name, about);
      return {};
    },
  });
  return {
    plugin: plugin(),
    checked: (over?: Parameters<typeof facts>[0]) => emit('message-authenticated', facts(over)),
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

test('a day is gathered on disk, survives a restart, and leaves as reports when it is over', async () => {
  const resolver = fakeResolver({ 'b.example._report._dmarc.reports.example': { txt: ['v=DMARC1'] } });
  const clock = fakeClock();
  const first = checker();
  const before = await openHouse({
    plugins: [first.plugin, reportDmarc(config()), deliverMemory()],
    clock,
    resolver,
  });
  first.checked();
  first.checked();
  const outside = {
    record: 'v=DMARC1; p=none; rua=mailto:in@reports.example,mailto:in@stranger.example',
    policyDomain: 'b.example',
  };
  first.checked({ of: outside });
  await before.stop();
  assert.deepEqual(readdirSync(folder), ['2026-01-05.results']);
  assert.equal(readFileSync(join(folder, '2026-01-05.results'), 'utf8').split('\n').length, 3);
  // The machine fell over in the middle of a line.
  appendFileSync(join(folder, '2026-01-05.results'), '1 {"doma');

  const transport = deliverMemory();
  await using after = await openHouse({
    plugins: [checker().plugin, reportDmarc(config()), transport],
    clock,
    resolver,
  });
  await clock.advance(12 * HOUR);
  await until(() => after.log.lines.length > 0);
  assert.ok(existsSync(join(folder, '2026-01-05.results')), 'a day is reported some time after it');
  await clock.advance(2 * HOUR);
  await until(() => !existsSync(join(folder, '2026-01-05.results')));
  await clock.advance(60_000);
  const mails = await transport.delivered(2);
  assert.deepEqual(mails.map(({ recipients }) => recipients.toString()).sort(), [
    'in@reports.example',
    'r@a.example',
  ]);
  const mail = mails.find(({ content }) => content.includes('Report Domain: a.example'))?.content ?? '';
  assert.match(mail, /^Received: by house\.example id \S+\r\n\tfor <r@a\.example>; /);
  assert.match(mail, /\r\nAuto-Submitted: auto-generated\r\n/);
  const packed = /base64\r\n(?:[^\r]+\r\n)+\r\n([A-Za-z0-9+/=\r\n]+)\r\n--/.exec(mail)?.[1] ?? '';
  assert.match(
    gunzipSync(Buffer.from(packed, 'base64')).toString(),
    /<domain>a\.example<\/domain>.*<count>2<\/count>/s,
  );
  assert.ok(
    after.log.lines.some(
      ({ text, fields }) =>
        text === 'DMARC reports queued' && fields.reports === 2 && fields.unreadable === 1,
    ),
  );
});

test('a day that is full takes no more, and says so once', async () => {
  const clock = fakeClock();
  const { plugin, checked } = checker();
  await using house = await openHouse({
    plugins: [plugin, reportDmarc(config({ daySize: 600 })), deliverMemory()],
    clock,
  });
  const warnings = () =>
    house.log.lines.filter(({ text }) => text === 'no more DMARC results are kept for this day').length;
  for (let n = 1; n <= 4; n++) {
    checked({ remoteAddress: `192.0.2.${n}` });
    await clock.advance(60_000);
    await until(() => (n === 1 ? readdirSync(folder).length === 1 : warnings() === 1));
  }
  assert.ok(readFileSync(join(folder, '2026-01-05.results')).length <= 600);
  assert.equal(warnings(), 1);
});

test('a report over the size that its destination takes is not sent', async () => {
  const clock = fakeClock();
  const { plugin, checked } = checker();
  const transport = deliverMemory();
  await using house = await openHouse({ plugins: [plugin, reportDmarc(config()), transport], clock });
  checked({ of: { record: 'v=DMARC1; p=none; rua=mailto:r@a.example!100' } });
  await clock.advance(60_000);
  await until(() => readdirSync(folder).length === 1);
  await clock.advance(15 * HOUR);
  await until(() => house.log.lines.some(({ text }) => text === 'no DMARC report: too large'));
});

test('an address that is none is a mistake of the configuration', async () => {
  await assert.rejects(
    mount(reportDmarc(config({ from: 'nobody' }))),
    /report-dmarc: from "nobody" is not a mail address/,
  );
});
