// What RFC 3461 asks of a server that offers DSN: which notices are sent about what, to whom, and with which fields.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Delivery, Outcome, type QueuedRecipient } from '../../src/contract/index.ts';
import { mailbox, type Notify } from '../../src/smtp/index.ts';
import { parseReport, type Report } from './report-parser.ts';
import { HOUR, MINUTE, type PutOptions, type RoomOptions, room, script } from './scripted-room.ts';

interface Heard {
  readonly reports: readonly Report[];
  readonly deliveries: readonly Delivery[];
}

/** Sends a message to the recipients, plays the outcomes, and reads the notices that the sender gets. */
async function heard(
  outcomes: readonly (Outcome | ((delivery: Delivery) => Outcome))[],
  put: PutOptions & { readonly to?: readonly string[]; readonly wait?: number } = {},
  options: RoomOptions = {},
): Promise<Heard> {
  const octets: Buffer[] = [];
  const deliveries: Delivery[] = [];
  const far = script([
    async (delivery) => {
      if (delivery.sender === null && put.sender !== '') {
        const chunks: Uint8Array[] = [];
        for await (const chunk of delivery.message.open()) chunks.push(chunk);
        octets.push(Buffer.concat(chunks));
        return Outcome.delivered();
      }
      const outcome = outcomes[Math.min(deliveries.length, outcomes.length - 1)] as (typeof outcomes)[number];
      deliveries.push(delivery);
      return typeof outcome === 'function' ? outcome(delivery) : outcome;
    },
  ]);
  const r = room({ far }, options);
  r.scheduler.start();
  await r.put(put.to ?? ['joe@a.example'], put);
  await r.settled();
  for (let passed = 0; passed < (put.wait ?? 0); passed += MINUTE) await r.clock.advance(MINUTE);
  return { reports: octets.map(parseReport), deliveries };
}

const asking = (...notify: Notify[]): Pick<PutOptions, 'each'> => ({
  each: (): Partial<QueuedRecipient> => ({ parameters: { notify } }),
});
const later = Outcome.deferred('4.2.2', 'Mailbox full');
const gone = Outcome.failed('5.1.1', 'No such user');
const relayedTo = { host: 'mx.a.example', reply: '250 2.0.0 taken' };
const actions = ({ reports }: Heard): (string | undefined)[] =>
  reports.flatMap(({ perRecipient }) => perRecipient.map(({ get }) => get('Action')));

const rows: readonly [string, Outcome, readonly Notify[] | undefined, readonly string[]][] = [
  ['delivered, nothing asked', Outcome.delivered(), undefined, []],
  ['delivered, SUCCESS', Outcome.delivered(), ['SUCCESS'], ['delivered']],
  ['delivered, FAILURE and DELAY', Outcome.delivered(), ['FAILURE', 'DELAY'], []],
  ['delivered, NEVER', Outcome.delivered(), ['NEVER'], []],
  [
    'relayed to a hop with DSN, SUCCESS',
    Outcome.delivered('', { relayed: 'with-dsn', remote: relayedTo }),
    ['SUCCESS'],
    [],
  ],
  [
    'relayed to a hop without DSN, SUCCESS',
    Outcome.delivered('', { relayed: 'without-dsn', remote: relayedTo }),
    ['SUCCESS'],
    ['relayed'],
  ],
  [
    'relayed to a hop without DSN, nothing asked',
    Outcome.delivered('', { relayed: 'without-dsn' }),
    undefined,
    [],
  ],
  ['failed, nothing asked', gone, undefined, ['failed']],
  ['failed, FAILURE', gone, ['FAILURE'], ['failed']],
  ['failed, SUCCESS alone', gone, ['SUCCESS'], []],
  ['failed, DELAY alone', gone, ['DELAY'], []],
  ['failed, NEVER', gone, ['NEVER'], []],
  ['discarded, SUCCESS', Outcome.discarded('spam'), ['SUCCESS'], []],
];
describe('RFC 3461 §4.1: the sender hears of', () => {
  for (const [name, outcome, notify, expected] of rows) {
    test(`${name}: ${expected.join() || 'nothing'}`, async () => {
      assert.deepEqual(actions(await heard([outcome], notify ? asking(...notify) : {})), expected);
    });
  }

  test('each recipient by its own wish, each action in a notice of its own', async () => {
    const wishes: Record<string, readonly Notify[]> = {
      one: ['SUCCESS'],
      two: ['NEVER'],
      three: ['SUCCESS'],
    };
    const all = await heard([Outcome.delivered()], {
      to: ['one@a.example', 'two@a.example', 'three@a.example'],
      each: (address) => ({ parameters: { notify: wishes[address.split('@')[0] as string] ?? [] } }),
    });
    assert.deepEqual(actions(all), ['delivered', 'delivered']);
    assert.equal(all.reports.length, 1);
  });

  test('nothing when it has the null reverse-path', async () => {
    const all = await heard([Outcome.delivered()], { sender: '', ...asking('SUCCESS') });
    assert.deepEqual(all.reports, []);
  });
});

test('RFC 3464 §2.3: a relayed notice names the next hop and what it said, and comes with the header alone', async () => {
  const { reports } = await heard([Outcome.delivered('', { relayed: 'without-dsn', remote: relayedTo })], {
    message: { parameters: { ret: 'FULL', envid: 'E1' } },
    ...asking('SUCCESS'),
  });
  const [report] = reports as [Report];
  const [group] = report.perRecipient;
  assert.equal(report.perMessage.get('Original-Envelope-Id'), 'E1');
  assert.deepEqual(
    ['Action', 'Status', 'Remote-MTA', 'Diagnostic-Code'].map((name) => group?.get(name)),
    ['relayed', '2.0.0', 'dns; mx.a.example', 'smtp; 250 2.0.0 taken'],
  );
  assert.equal(report.returned.header.get('Content-Type'), 'text/rfc822-headers');
  assert.match(report.header.get('Subject') ?? '', /passed on/);
});

describe('RFC 3461 §5.2.7: behind an alias', () => {
  const to = (...addresses: string[]) => Outcome.redirected(addresses.map((address) => mailbox(address)));

  test('a single address keeps what was asked, and the notice names the address that the sender knows', async () => {
    const all = await heard([to('x@b.example'), Outcome.delivered()], asking('SUCCESS', 'DELAY'));
    assert.deepEqual(actions(all), ['delivered']);
    const [group] = (all.reports[0] as Report).perRecipient;
    assert.equal(group?.get('Original-Recipient'), 'rfc822; joe@a.example');
    assert.equal(group?.get('Final-Recipient'), 'rfc822; x@b.example');
    assert.deepEqual(all.deliveries[1]?.recipients[0]?.parameters.notify, ['SUCCESS', 'DELAY']);
  });

  test('another sender is told what was asked before', async () => {
    const srs = Outcome.redirected([mailbox('x@b.example')], { sender: mailbox('srs0@here.example') });
    const all = await heard([srs, Outcome.delivered()], asking('SUCCESS'));
    assert.deepEqual(actions(all), ['delivered']);
    assert.equal((all.reports[0] as Report).header.get('To'), '<srs0@here.example>');
  });

  test('an ORCPT that came along is kept', async () => {
    const orcpt = { type: 'rfc822', address: 'first@elsewhere.example' };
    const { deliveries } = await heard([to('x@b.example'), Outcome.delivered()], {
      each: () => ({ parameters: { orcpt } }),
    });
    assert.deepEqual(deliveries[1]?.recipients[0]?.parameters, { orcpt });
  });

  test('several addresses are told as expanded, once, and of their success nothing more', async () => {
    const all = await heard([to('x@b.example', 'y@b.example'), Outcome.delivered()], asking('SUCCESS'));
    assert.deepEqual(actions(all), ['expanded']);
    const [group] = (all.reports[0] as Report).perRecipient;
    assert.equal(group?.get('Final-Recipient'), 'rfc822; joe@a.example');
    assert.deepEqual(all.deliveries[1]?.recipients[0]?.parameters.notify, ['NEVER']);
  });

  test('their failures are told where those were asked for too', async () => {
    const all = await heard([to('x@b.example', 'y@b.example'), gone], asking('SUCCESS', 'FAILURE'));
    assert.deepEqual(actions(all), ['expanded', 'failed', 'failed']);
  });

  test('without a wish for SUCCESS nothing is told of an expansion', async () => {
    assert.deepEqual(actions(await heard([to('x@b.example', 'y@b.example'), Outcome.delivered()])), []);
  });

  test('a confidential address is never named: delivered is told of the alias, and no failure behind it', async () => {
    const secret = Outcome.redirected([mailbox('x@b.example')], { confidential: true });
    const all = await heard([secret, gone], asking('SUCCESS', 'FAILURE'));
    assert.deepEqual(actions(all), ['delivered']);
    assert.equal((all.reports[0] as Report).perRecipient[0]?.get('Final-Recipient'), 'rfc822; joe@a.example');
  });
});

describe('a delay', () => {
  const settings = { delayWarningAfter: 30 * MINUTE };
  const wait = 3 * HOUR;

  test('is told once, when the message is old enough, with the time until which it is tried', async () => {
    const all = await heard([later], { wait }, { settings });
    assert.deepEqual(actions(all), ['delayed']);
    const [group] = (all.reports[0] as Report).perRecipient;
    assert.equal(group?.get('Status'), '4.2.2');
    assert.match(group?.get('Will-Retry-Until') ?? '', /^\w{3}, \d+ \w{3} \d{4} /);
    assert.match((all.reports[0] as Report).text, /tried again until/);
  });
  test('is told where NOTIFY has DELAY', async () => {
    assert.deepEqual(actions(await heard([later], { wait, ...asking('DELAY') }, { settings })), ['delayed']);
  });
  for (const notify of ['NEVER', 'FAILURE', 'SUCCESS'] as const) {
    test(`is not told with NOTIFY=${notify}`, async () => {
      assert.deepEqual(actions(await heard([later], { wait, ...asking(notify) }, { settings })), []);
    });
  }
  test('is never told to the null sender', async () => {
    assert.deepEqual(actions(await heard([later], { wait, sender: '' }, { settings })), []);
  });
  test('is not told where the operator has switched that off', async () => {
    const off = { settings: { delayWarningAfter: 0 } };
    assert.deepEqual(actions(await heard([later], { wait }, off)), []);
  });
  test('is followed by the failure when the time is up', async () => {
    const short = { settings: { ...settings, expireAfter: 2 * HOUR } };
    assert.deepEqual(actions(await heard([later], { wait }, short)), ['delayed', 'failed']);
  });
});

test('RFC 6533 §4: a notice to a sender beyond ASCII goes with SMTPUTF8, one about such a recipient says utf-8', async () => {
  const { reports } = await heard([Outcome.delivered()], {
    sender: 'änn@sender.example',
    to: ['jürgen@a.example'],
    message: { parameters: { smtputf8: true } },
    ...asking('SUCCESS'),
  });
  const [report] = reports as [Report];
  assert.equal(report.parts[1]?.header.get('Content-Type'), 'message/global-delivery-status');
  const utf8 = (text: string | undefined) => Buffer.from(text ?? '', 'latin1').toString('utf8');
  assert.equal(utf8(report.header.get('To')), '<änn@sender.example>');
  assert.equal(utf8(report.perRecipient[0]?.get('Final-Recipient')), 'utf-8; jürgen@a.example');
});

test('an own template speaks, and whatever stands in it the report stays one', async () => {
  const delivered = `Subject: Ihre Nachricht wurde zugestellt – schönen Tag noch, und das in einer langen Zeile\n
--=_boundary\nContent-Type: text/html\n\n{recipients}\n\nGrüße von {hostname}`;
  const { reports } = await heard([Outcome.delivered()], asking('SUCCESS'), {
    settings: { notices: { delivered } },
  });
  const [report] = reports as [Report];
  assert.equal(report.parts.length, 3);
  assert.match(report.header.get('Subject') ?? '', /^=\?utf-8\?B\?/);
  assert.match(Buffer.from(report.text, 'latin1').toString('utf8'), /<joe@a\.example>\r\n\r\nGrüße von mx/);
});
