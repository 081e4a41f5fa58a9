// The list in a house: what puts an address on it, what it then answers, and what takes it off.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type Delivery, definePlugin, type Events, mailbox, Outcome, Verdict } from '@posthouse/core';
import { deliverMemory, fakeClock, type OpenHouse, openHouse } from '@posthouse/core/testing';
import checkSuppression, { addAddress, explainAddress, listAddresses, removeAddress } from '../src/index.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const START = Date.UTC(2026, 0, 5, 12);
const folder = mkdtempSync(join(tmpdir(), 'posthouse-suppression-'));
after(() => rmSync(folder, { recursive: true }));
let lists = 0;

type Config = Partial<Parameters<typeof checkSuppression>[0]>;

interface Place extends AsyncDisposable {
  readonly house: OpenHouse;
  readonly path: string;
  /** What the server says to RCPT; `250 …` sends a message. */
  send(to: string): Promise<string>;
}

const acceptAll = definePlugin({
  name: 'accept-all',
  setup: () => ({ hooks: { 'on-rcpt': () => Verdict.accept() } }),
});

/** `gone@…` fails as one that does not exist, `full@…` as one that is full; `alias@…` leads to gone@b.example. */
async function open(config: Config = {}, path = join(folder, `list-${lists++}`), at = START): Promise<Place> {
  const answer = ({ recipients: [recipient] }: Delivery): Outcome | undefined => {
    if (recipient?.address.local === 'full') return Outcome.failed('5.2.2', 'mailbox full');
    return recipient?.address.local === 'gone' ? Outcome.failed('5.1.1', 'no such user') : undefined;
  };
  const alias = definePlugin({
    name: 'alias',
    setup: () => ({
      hooks: {
        'on-deliver': {
          claim: ({ local }) => (local === 'alias' ? 'alias' : undefined),
          deliver: () => Outcome.redirected([mailbox('gone@b.example')]),
        },
      },
    }),
  });
  const house = await openHouse({
    clock: fakeClock(at),
    plugins: [checkSuppression({ path, ...config }), acceptAll(), alias(), deliverMemory({ answer })],
  });
  const send = async (to: string): Promise<string> => {
    const said = await house.talk(
      `S: 220 *\nC: EHLO a.example\nS: 250-*\nS: 250 *\nC: MAIL FROM:<>\nS: 250 *\nC: RCPT TO:<${to}>\nS: *`,
    );
    const answered = said.at(-1) ?? '';
    if (!answered.startsWith('250')) return answered;
    await house.talk(
      `S: 220 *\nC: EHLO a.example\nS: 250-*\nS: 250 *\nC: MAIL FROM:<>\nS: 250 *\nC: RCPT TO:<${to}>\nS: 250 *\nC: DATA\nS: 354 *\nC: Subject: x\nC:\nC: .\nS: 250 *`,
    );
    await house.clock.advance(2000);
    return answered;
  };
  return { house, path, send, [Symbol.asyncDispose]: () => house.stop() };
}

describe('an address that fails for good', () => {
  it('is refused after so many failures that are an hour apart, until its time is over', async () => {
    const place = await open({ keep: 30 * DAY });
    assert.match(await place.send('gone@b.example'), /^250/);
    assert.match(await place.send('gone@b.example'), /^250/, 'still one failure: it is the same hour');
    assert.match(await place.send('gone@b.example'), /^250/);
    await place.house.stop();
    const later = await open({ keep: 30 * DAY }, place.path, START + HOUR);
    assert.match(await later.send('gone@B.example'), /^250/, 'the second one');
    assert.match(
      await later.send('GONE@b.example'),
      /^550 5\.1\.1 This address has refused mail for good, and is not tried again, since 2026-01-05 until 2026-02-04 \(suppressed\)$/,
    );
    assert.equal(later.house.events('verdict-given').at(-1)?.reason, 'suppression.listed');
    assert.match(await later.send('other@b.example'), /^250/);
    assert.deepEqual(
      listAddresses(later.path, later.house.clock.now(), 10).map(({ address, source, class: given }) => [
        address,
        source,
        given,
      ]),
      [['gone@b.example', 'bounces', 'no-mailbox']],
    );
    await later.house.stop();
    await using much = await open({}, place.path, START + 31 * DAY);
    assert.match(await much.send('gone@b.example'), /^250/);
  });

  it('does not count longer than `within`, nor for another class, nor in our own domains', async () => {
    const config = { failures: 2, within: DAY, ownDomains: ['Ours.example'] };
    const path = join(folder, `list-${lists++}`);
    for (const [day, to] of [
      [0, 'gone@b.example'],
      [1.1, 'gone@b.example'],
      [0, 'full@b.example'],
      [0.5, 'full@b.example'],
      [0, 'gone@ours.example'],
      [0.5, 'gone@ours.example'],
    ] as const) {
      await using place = await open(config, path, START + day * DAY);
      await place.send(to);
      assert.deepEqual(listAddresses(path, place.house.clock.now(), 10), []);
    }
  });

  it('is remembered after a restart', async () => {
    const place = await open({ failures: 1 });
    await place.send('gone@b.example');
    await place.house.stop();
    await using again = await open({ failures: 1 }, place.path);
    assert.match(await again.send('gone@b.example'), /^550 5\.1\.1/);
  });

  it('is returned where an alias leads there, and that is no failure that counts', async () => {
    await using place = await open({ failures: 1 });
    await place.send('gone@b.example');
    await place.send('alias@b.example');
    const last = place.house.events('recipient-settled').at(-1);
    assert.equal(last?.recipient, 'gone@b.example');
    assert.match(last?.outcome.kind === 'failed' ? last.outcome.text : '', /\(suppressed\)$/);
    assert.equal(explainAddress(place.path, 'gone@b.example', place.house.clock.now()).failures.length, 1);
  });

  it('is taken and returned with `refuseAtRcpt: false`', async () => {
    await using place = await open({ failures: 1, refuseAtRcpt: false });
    await place.send('gone@b.example');
    assert.match(await place.send('gone@b.example'), /^250/);
    const last = place.house.events('recipient-settled').at(-1);
    assert.match(last?.outcome.kind === 'failed' ? last.outcome.text : '', /\(suppressed\)$/);
  });
});

describe('feedback', () => {
  const failed = {
    session: 'S',
    kind: 'bounce',
    action: 'failed',
    recipient: 'gone@b.example',
    status: '5.1.1',
    class: 'no-mailbox',
  } as const;

  async function after(
    facts: Partial<Events['feedback-received']>,
    config: Config = {},
  ): Promise<readonly (string | null)[]> {
    await using place = await open({ failures: 1, ...config });
    place.house.server.house.events.emit('feedback-received', { ...failed, verified: true, ...facts });
    await place.house.clock.advance(1000);
    return listAddresses(place.path, place.house.clock.now(), 10).flatMap(({ address, source }) => [
      address,
      source,
    ]);
  }

  it('that is verified counts as a failure; what anybody can write does not, unless the operator says so', async () => {
    assert.deepEqual(await after({}), ['gone@b.example', 'bounces']);
    assert.deepEqual(await after({ verified: false }), []);
    assert.deepEqual(await after({ verified: false }, { feedback: 'any' }), ['gone@b.example', 'bounces']);
    assert.deepEqual(await after({}, { feedback: 'none' }), []);
    assert.deepEqual(await after({ action: 'delayed' }), []);
    assert.deepEqual(await after({ class: 'quota' }), []);
  });

  it('of one complaint is enough, where it asks for no more mail', async () => {
    const complaint = { kind: 'complaint', action: 'abuse' } as const;
    assert.deepEqual(await after(complaint, { failures: 5 }), ['gone@b.example', 'complaints']);
    assert.deepEqual(await after({ ...complaint, action: 'not-spam' }), []);
    assert.deepEqual(
      await after({ ...complaint, recipient: 'ann@ours.example' }, { ownDomains: ['ours.example'] }),
      [],
    );
  });
});

describe('the operator', () => {
  it('adds an address or a domain, for a time or for ever, and takes it off, while the server runs', async () => {
    await using place = await open();
    const now = place.house.clock.now();
    assert.equal(
      addAddress(place.path, 'Ann@Bücher.example', { now, until: now + DAY, text: 'asked to' }),
      'ann@xn--bcher-kva.example',
    );
    addAddress(place.path, '@c.example', { now, until: null, text: '' });
    assert.match(
      await place.send('ann@xn--bcher-kva.example'),
      /^550 5\.1\.1 This address is blocked here, since/,
    );
    assert.match(await place.send('anybody@c.example'), /^550 5\.1\.1/);
    assert.match(await place.send('anybody@sub.c.example'), /^250/);
    assert.equal(removeAddress(place.path, '@c.example'), true);
    assert.equal(removeAddress(place.path, '@c.example'), false);
    assert.match(await place.send('anybody@c.example'), /^250/);
    await using later = await open({}, place.path, START + DAY);
    assert.match(await later.send('ann@xn--bcher-kva.example'), /^250/);
  });

  it('is told why an address is on the list', async () => {
    await using place = await open({ failures: 1 });
    await place.send('gone@b.example');
    const { address, entry, failures } = explainAddress(
      place.path,
      'GONE@b.example',
      place.house.clock.now(),
    );
    assert.equal(address, 'gone@b.example');
    assert.equal(entry?.class, 'no-mailbox');
    assert.deepEqual(
      failures.map(({ text }) => text),
      ['5.1.1 no such user'],
    );
  });

  it('is told what is no address, and where there is no list', () => {
    assert.throws(() => explainAddress(join(folder, 'none'), 'a@b.example', 0), /there is no list at/);
    assert.equal(existsSync(join(folder, 'none')), false);
    assert.throws(() => removeAddress(join(folder, 'list-0'), 'nonsense'), /neither an address nor @domain/);
    assert.throws(() => removeAddress(join(folder, 'list-0'), '@a..b'), /neither an address nor @domain/);
  });
});

it('the list is bounded: the oldest go first, what the operator added stays', async () => {
  const place = await open({ maxAddresses: 100, failures: 1 });
  const now = place.house.clock.now();
  addAddress(place.path, 'kept@c.example', { now: 0, until: null, text: '' });
  for (let index = 0; index < 120; index++) {
    place.house.server.house.events.emit('recipient-settled', {
      item: 'I',
      message: 'M',
      recipient: `p${index}@b.example`,
      outcome: { kind: 'failed', status: '5.1.1', text: 'no', class: 'no-mailbox' },
      attempt: 1,
    });
    if (index % 20 === 0) await place.house.clock.advance(1000);
  }
  await place.house.stop();
  await using again = await open({ maxAddresses: 100 }, place.path, START + HOUR);
  const all = listAddresses(again.path, now, 1000).map(({ address }) => address);
  assert.equal(all.length, 101);
  assert.ok(
    all.includes('kept@c.example') && all.includes('p119@b.example') && !all.includes('p0@b.example'),
  );
});

it('a file that is no list ends the start', async () => {
  await assert.rejects(open({}, import.meta.filename), /check-suppression.*file is not a database/s);
});
