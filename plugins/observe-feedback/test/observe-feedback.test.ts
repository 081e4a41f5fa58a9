// The plugin in a house: what it takes, what it tells, and what becomes of the report.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mailbox } from '@posthouse/core';
import { deliverMemory, openHouse } from '@posthouse/core/testing';
import observeFeedback, { verpAddress } from '../src/index.ts';
import { ARF, EXIM, ORDINARY, POSTFIX } from './samples.ts';

const SECRETS = ['0123456789abcdef'];
const ANN = verpAddress(mailbox('ann@b.example'), {
  prefix: 'bounces',
  domain: 'lists.example',
  secrets: SECRETS,
});

async function play(report: Buffer, to: string, config: Partial<Parameters<typeof observeFeedback>[0]> = {}) {
  const home = deliverMemory();
  await using house = await openHouse({
    plugins: [observeFeedback({ addresses: ['bounces@lists.example'], ...config }), home],
  });
  const body = report.toString('latin1').replace(/^\./gm, '..');
  const said = await house.talk(
    `S: 220 *\nC: EHLO b.example\nS: 250-*\nS: 250 *\nC: MAIL FROM:<>\nS: 250 *\nC: RCPT TO:<${to}>\nS: 250 *\nC: DATA\nS: 354 *\nC> ${JSON.stringify(`${body}.\r\n`)}\nS: *`,
  );
  await house.clock.advance(1000);
  const told = house.events('feedback-received').map(({ session: _, ...facts }) => facts);
  return { told, said: said.at(-1), delivered: home.messages.length };
}

describe('a bounce', () => {
  it('becomes an event for each recipient, with its class, and is delivered', async () => {
    const { told, delivered } = await play(POSTFIX, 'bounces@lists.example');
    assert.deepEqual(told, [
      {
        kind: 'bounce',
        action: 'failed',
        recipient: 'ann+list@b.example',
        status: '5.1.1',
        verified: false,
        about: '<m1@lists.example>',
        class: 'no-mailbox',
        text: '550 5.1.1 <ann@b.example>: Recipient address rejected: User unknown in virtual mailbox table',
        reporter: 'mx.b.example',
      },
      {
        kind: 'bounce',
        action: 'delayed',
        recipient: 'bob@b.example',
        status: '4.2.2',
        verified: false,
        about: '<m1@lists.example>',
        class: 'quota',
        text: '452 4.2.2 over quota',
        reporter: 'mx.b.example',
      },
    ]);
    assert.equal(delivered, 1);
  });

  it('to a return address of ours is verified, and about whom that names', async () => {
    const { told } = await play(POSTFIX, ANN.toString(), { secrets: SECRETS });
    assert.deepEqual(
      told.map(({ recipient, verified, action }) => [recipient, verified, action]),
      [['ann@b.example', true, 'failed']],
    );
  });

  it('that was understood is thrown away where the operator says so; what was not is delivered', async () => {
    assert.equal((await play(EXIM, 'bounces@lists.example', { afterwards: 'discard' })).delivered, 0);
    const { told, delivered } = await play(ORDINARY, 'bounces@lists.example', { afterwards: 'discard' });
    assert.deepEqual([told, delivered], [[], 1]);
  });
});

it('a complaint becomes an event, verified by the return path of the message that it is about', async () => {
  const { told } = await play(ARF, 'bounces@lists.example');
  assert.deepEqual(
    told.map(({ kind, action, recipient, verified }) => [kind, action, recipient, verified]),
    [
      ['complaint', 'abuse', 'ann@b.example', false],
      ['complaint', 'abuse', 'bob@b.example', false],
    ],
  );
  const ours = Buffer.from(
    ARF.toString('latin1').replace('Return-Path: <bounces@lists.example>', `Return-Path: <${ANN}>`),
  );
  const verified = (await play(ours, 'bounces@lists.example', { secrets: SECRETS })).told;
  assert.deepEqual(
    verified.map(({ recipient, verified: proven }) => [recipient, proven]),
    [['ann@b.example', true]],
  );
});

it('mail for others is none of its business, and a forged return address is refused', async () => {
  await using house = await openHouse({
    plugins: [observeFeedback({ addresses: ['bounces@lists.example'], secrets: SECRETS }), deliverMemory()],
  });
  await house.talk(
    'S: 220 *\nC: EHLO b.example\nS: 250-*\nS: 250 *\nC: MAIL FROM:<>\nS: 250 *\n' +
      'C: RCPT TO:<bounces+ann=b.example@lists.example>\nS: 550 5.1.1 This return address was not given by us\n' +
      'C: RCPT TO:<ann@lists.example>\nS: 550 5.7.1 *',
  );
});

it('an address that is none is an error of the configuration', async () => {
  for (const addresses of [['bounces'], ['a+b@lists.example']])
    await assert.rejects(play(POSTFIX, 'x@lists.example', { addresses }), /is not an address without \+/);
});
