// What the client's side says behind MAIL and RCPT, by what the next hop offers.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mailbox } from '../../src/smtp/address.ts';
import type { Envelope } from '../../src/smtp/envelope.ts';
import { envelope, Talk } from './dialogue-driver.ts';

describe('the parameters of MAIL and RCPT', () => {
  const all = ['SIZE 5000', '8BITMIME', 'SMTPUTF8', 'DSN'];
  const rows: [string, string[], Envelope, string[]][] = [
    [
      'nothing is said that is not offered',
      [],
      envelope({ parameters: { ret: 'FULL', envid: 'x', body: '8BITMIME' } }),
      ['> MAIL FROM:<a@a.example>'],
    ],
    ['the null path stays null', [], envelope({ sender: null }), ['> MAIL FROM:<>']],
    ['SIZE is said when offered', ['SIZE 5000'], envelope(), ['> MAIL FROM:<a@a.example> SIZE=100']],
    [
      '8BITMIME is said of what has eight bits',
      all,
      envelope({ eightBit: true }),
      ['> MAIL FROM:<a@a.example> SIZE=100 BODY=8BITMIME'],
    ],
    [
      '8BITMIME is passed on',
      ['8BITMIME'],
      envelope({ parameters: { body: '8BITMIME' } }),
      ['> MAIL FROM:<a@a.example> BODY=8BITMIME'],
    ],
    [
      'SMTPUTF8 is not said of what does not need it',
      all,
      envelope({ parameters: { smtputf8: true } }),
      ['> MAIL FROM:<a@a.example> SIZE=100'],
    ],
    [
      'SMTPUTF8 is said for an address',
      ['SMTPUTF8'],
      envelope({ sender: mailbox('é@a.example') }),
      ['> MAIL FROM:<é@a.example> SMTPUTF8'],
    ],
    [
      'SMTPUTF8 is said for a header',
      all,
      envelope({ parameters: { smtputf8: true }, eightBit: true, eightBitHeader: true }),
      ['> MAIL FROM:<a@a.example> SIZE=100 BODY=8BITMIME SMTPUTF8'],
    ],
    [
      'DSN parameters are passed on',
      ['DSN'],
      envelope({ parameters: { ret: 'HDRS', envid: 'a+b c' } }),
      ['> MAIL FROM:<a@a.example> RET=HDRS ENVID=a+2Bb+20c'],
    ],
    ['too big a message is refused here', ['SIZE 99'], envelope(), ['result local 552 5.3.4']],
    [
      'an address that needs SMTPUTF8 is refused here',
      ['8BITMIME'],
      envelope({}, 'é@b.example'),
      ['result local 553 5.6.7'],
    ],
    [
      'a header that needs SMTPUTF8 is refused here',
      ['8BITMIME'],
      envelope({ parameters: { smtputf8: true }, eightBitHeader: true }),
      ['result local 553 5.6.7'],
    ],
    [
      'eight bits without 8BITMIME are refused here',
      ['SMTPUTF8'],
      envelope({ eightBit: true }),
      ['result local 554 5.6.3'],
    ],
    [
      'BINARYMIME is refused here',
      all,
      envelope({ parameters: { body: 'BINARYMIME' } }),
      ['result local 554 5.6.3'],
    ],
    [
      'REQUIRETLS is refused here',
      all,
      envelope({ parameters: { requiretls: true } }),
      ['result local 550 5.7.30'],
    ],
    [
      'REQUIRETLS is said where it is offered',
      ['REQUIRETLS'],
      envelope({ parameters: { requiretls: true } }),
      ['> MAIL FROM:<a@a.example> REQUIRETLS'],
    ],
    [
      'a message that may go without REQUIRETLS does',
      [],
      envelope({ parameters: { requiretls: true }, withoutRequireTls: true }),
      ['> MAIL FROM:<a@a.example>'],
    ],
  ];
  for (const [name, keywords, of, expected] of rows) {
    it(name, () => {
      const talk = new Talk().ready(...keywords).send(of);
      assert.deepEqual(talk.news, expected);
      if (expected[0]?.startsWith('result'))
        assert.ok(talk.dialogue.isReady, 'a local refusal leaves the dialogue ready');
    });
  }

  it('NOTIFY and ORCPT go with their recipient', () => {
    const recipients = [
      {
        address: mailbox('b@b.example'),
        parameters: {
          notify: ['SUCCESS', 'DELAY'] as const,
          orcpt: { type: 'rfc822', address: 'x+y@b.example' },
        },
      },
      { address: mailbox('c@b.example'), parameters: { orcpt: { type: 'utf-8', address: 'é@b.example' } } },
    ];
    assert.deepEqual(new Talk().ready('DSN', 'PIPELINING').send(envelope({ recipients })).news, [
      '> MAIL FROM:<a@a.example> | RCPT TO:<b@b.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x+2By@b.example | ' +
        'RCPT TO:<c@b.example> ORCPT=utf-8;\\x{E9}@b.example | DATA',
    ]);
  });
});
