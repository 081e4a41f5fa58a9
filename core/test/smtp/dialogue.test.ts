// The client's side of a dialogue: bytes and wishes in, steps out.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SmtpDialogue } from '../../src/smtp/dialogue.ts';
import { envelope, LmtpTalk, Talk } from './dialogue-driver.ts';

describe('the greeting and the hello', () => {
  const rows: [string, string[], string[]][] = [
    ['EHLO follows the greeting', ['220 hi\r\n'], ['> EHLO mx.a.example']],
    ['a greeting of several lines is one', ['220-hi\r\n220 there\r\n'], ['> EHLO mx.a.example']],
    ['the dialogue is ready after EHLO', ['220 hi\r\n', '250 b\r\n'], ['> EHLO mx.a.example', 'ready']],
    ['a greeting of 554 is answered with QUIT', ['554 no\r\n'], ['> QUIT', 'refused greeting']],
    ['a greeting of 421 ends the dialogue', ['421 busy\r\n'], ['refused greeting']],
    ['a greeting of 450 ends the dialogue', ['450 later\r\n'], ['> QUIT', 'refused greeting']],
    ['a greeting of 354 is none', ['354 go\r\n'], ['> QUIT', 'refused greeting']],
    [
      'HELO follows a refused EHLO',
      ['220 hi\r\n', '502 what\r\n', '250 b\r\n'],
      ['> EHLO mx.a.example', '> HELO mx.a.example', 'ready'],
    ],
    [
      'a refused HELO ends the dialogue',
      ['220 hi\r\n', '500 what\r\n', '550 no\r\n'],
      ['> EHLO mx.a.example', '> HELO mx.a.example', '> QUIT', 'refused helo'],
    ],
    [
      'a 4yz to EHLO ends the dialogue',
      ['220 hi\r\n', '451 no\r\n'],
      ['> EHLO mx.a.example', '> QUIT', 'refused ehlo'],
    ],
    ['another protocol is a fault', ['SSH-2.0-x\r\n'], ['fault greeting']],
    [
      'two replies at once are a fault',
      ['220 hi\r\n250 b\r\n250 more\r\n'],
      ['> EHLO mx.a.example', 'ready', 'fault idle'],
    ],
    [
      '421 in idleness ends the dialogue',
      ['220 hi\r\n', '250 b\r\n', '421 bye\r\n'],
      ['> EHLO mx.a.example', 'ready', 'refused idle'],
    ],
  ];
  for (const [name, heard, expected] of rows) {
    it(name, () => assert.deepEqual(new Talk(...heard).news, expected));
  }

  it('hears of extensions only from EHLO, whatever their case', () => {
    const talk = new Talk().ready(
      'pipelining',
      'SIZE 1000',
      '8bitmime',
      'X-NEW thing',
      'Dsn',
      'LIMITS rcptmax=5 MAILMAX=09 X=1',
    );
    const ready = talk.steps.find((step) => step.do === 'ready');
    assert.deepEqual(ready?.do === 'ready' && ready.offer, {
      esmtp: true,
      pipelining: true,
      size: true,
      maxSize: 1000,
      eightBitMime: true,
      chunking: false,
      binaryMime: false,
      requireTls: false,
      smtputf8: false,
      dsn: true,
      startTls: false,
      rcptMax: 5,
      mailMax: undefined,
      auth: [],
    });
  });

  // RFC 3030 §3
  it('sends a binary message as one chunk, once the recipients are known', () => {
    const talk = new Talk().ready('PIPELINING', 'SIZE', '8BITMIME', 'CHUNKING', 'BINARYMIME');
    const binary = envelope(
      { parameters: { body: 'BINARYMIME' }, eightBit: true },
      'b@b.example',
      'c@b.example',
    );
    assert.deepEqual(talk.send(binary).news, [
      '> MAIL FROM:<a@a.example> SIZE=100 BODY=BINARYMIME | RCPT TO:<b@b.example> | RCPT TO:<c@b.example>',
    ]);
    assert.deepEqual(talk.hear('250 ok\r\n250 ok\r\n').news, []);
    assert.deepEqual(talk.hear('550 no\r\n').news, ['> BDAT 100 LAST + octets']);
    talk.dialogue.bodySent();
    assert.deepEqual(talk.hear('554 5.6.0 no\r\n').news.length, 1);
    // The refused chunk has not ended the transaction for the next hop.
    assert.match(talk.send(envelope()).news[0] ?? '', /^> RSET \| MAIL FROM/);
  });

  it('sends a text as a chunk where one is given and CHUNKING is offered, else by DATA', () => {
    const text = envelope({ chunk: 102 });
    const talk = new Talk().ready('PIPELINING', 'SIZE', 'CHUNKING');
    assert.deepEqual(talk.send(text).news, ['> MAIL FROM:<a@a.example> SIZE=100 | RCPT TO:<b@b.example>']);
    assert.deepEqual(talk.hear('250 ok\r\n250 ok\r\n').news, ['> BDAT 102 LAST + octets']);
    talk.dialogue.bodySent();
    assert.deepEqual(talk.hear('250 ok\r\n').news, ['result message 250']);
    // Nothing was left open, so no RSET is needed.
    assert.match(talk.send(text).news[0] ?? '', /^> MAIL FROM/);
    assert.match(new Talk().ready('PIPELINING').send(text).news[0] ?? '', /DATA$/);
    assert.match(new Talk().ready('PIPELINING', 'CHUNKING').send(envelope()).news[0] ?? '', /DATA$/);
  });

  it('sends no chunk when no recipient was accepted, and no binary message where it is not offered', () => {
    const binary = envelope({ parameters: { body: 'BINARYMIME' } });
    const talk = new Talk().ready('CHUNKING', 'BINARYMIME');
    assert.deepEqual(talk.send(binary).news, ['> MAIL FROM:<a@a.example> BODY=BINARYMIME']);
    talk.hear('250 ok\r\n550 no\r\n');
    assert.equal(
      talk.news.some((done) => done.includes('BDAT')),
      false,
    );
    for (const keywords of [['8BITMIME', 'CHUNKING'], ['BINARYMIME'], []]) {
      const [step] = new Talk().ready(...keywords).dialogue.send(binary);
      const [result] = step?.do === 'result' ? step.recipients : [];
      assert.deepEqual([result?.during, result?.reply?.status], ['local', '5.6.3']);
    }
  });

  it('takes SIZE without a number, or 0, for no limit', () => {
    for (const size of ['SIZE', 'SIZE 0', 'SIZE many']) {
      assert.deepEqual(new Talk().ready(size).send(envelope({ size: 1e9 })).news, [
        '> MAIL FROM:<a@a.example> SIZE=1000000000',
      ]);
    }
  });
});

describe('a transaction without PIPELINING', () => {
  const rows: [string, string[], string[]][] = [
    [
      'goes command by command',
      ['250 ok\r\n', '250 ok\r\n', '251 ok\r\n', '354 go\r\n'],
      [
        '> MAIL FROM:<a@a.example>',
        '> RCPT TO:<b@b.example>',
        '> RCPT TO:<c@b.example>',
        '> DATA',
        'send-body',
      ],
    ],
    [
      'ends with a refused MAIL',
      ['550 5.7.1 no\r\n'],
      ['> MAIL FROM:<a@a.example>', 'result mail 550 5.7.1, mail 550 5.7.1'],
    ],
    [
      'ends when no recipient is accepted',
      ['250 ok\r\n', '550 5.1.1 no\r\n', '450 no\r\n'],
      [
        '> MAIL FROM:<a@a.example>',
        '> RCPT TO:<b@b.example>',
        '> RCPT TO:<c@b.example>',
        'result rcpt 550 5.1.1, rcpt 450',
      ],
    ],
    [
      'ends with a refused DATA',
      ['250 ok\r\n', '250 ok\r\n', '550 no\r\n', '451 4.3.0 no\r\n'],
      [
        '> MAIL FROM:<a@a.example>',
        '> RCPT TO:<b@b.example>',
        '> RCPT TO:<c@b.example>',
        '> DATA',
        'result data 451 4.3.0, rcpt 550',
      ],
    ],
    [
      'is out of step with a 354 to MAIL',
      ['354 go\r\n'],
      ['> MAIL FROM:<a@a.example>', 'result mail -, mail -', 'fault mail'],
    ],
    [
      'ends with 421 to RCPT',
      ['250 ok\r\n', '421 bye\r\n'],
      ['> MAIL FROM:<a@a.example>', '> RCPT TO:<b@b.example>', 'result rcpt 421, rcpt 421', 'refused rcpt'],
    ],
  ];
  for (const [name, heard, expected] of rows) {
    it(name, () => {
      const talk = new Talk().ready().send(envelope({}, 'b@b.example', 'c@b.example'));
      for (const text of heard) talk.hear(text);
      assert.deepEqual(talk.news, expected);
    });
  }
});

describe('a transaction with PIPELINING', () => {
  const BURST = '> MAIL FROM:<a@a.example> | RCPT TO:<b@b.example> | RCPT TO:<c@b.example> | DATA';
  const start = () => new Talk().ready('PIPELINING').send(envelope({}, 'b@b.example', 'c@b.example'));
  const rows: [string, string, string[]][] = [
    [
      'sends the message when somebody may have it',
      '250 ok\r\n250 ok\r\n550 no\r\n354 go\r\n',
      ['send-body'],
    ],
    [
      'sends a lone dot when DATA is accepted for nobody',
      '250 ok\r\n550 no\r\n551 no\r\n354 go\r\n',
      ['> .'],
    ],
    [
      'needs no dot when DATA is refused for want of recipients',
      '250 ok\r\n550 no\r\n551 no\r\n503 no\r\n',
      ['result rcpt 550, rcpt 551'],
    ],
    [
      'blames a refused MAIL, not what follows from it',
      '552 no\r\n503 x\r\n503 x\r\n503 x\r\n',
      ['result mail 552, mail 552'],
    ],
    ['ends a 354 after a refused MAIL', '552 no\r\n503 x\r\n503 x\r\n354 go\r\n.', ['> .']],
    [
      'gives a refused DATA to those who were accepted',
      '250 a\r\n250 b\r\n450 c\r\n452 d\r\n',
      ['result data 452, rcpt 450'],
    ],
    [
      'is out of step with a 250 to DATA',
      '250 a\r\n250 b\r\n450 c\r\n250 d\r\n',
      ['result data -, rcpt 450', 'fault data'],
    ],
    [
      'ends with 421 in the middle',
      '250 a\r\n550 b\r\n421 c\r\n',
      ['result rcpt 550, rcpt 421', 'refused rcpt'],
    ],
    ['is out of step with garbage', '250 a\r\nxyz\r\n', ['result rcpt -, rcpt -', 'fault rcpt']],
  ];
  for (const [name, heard, expected] of rows) {
    it(name, () => {
      const talk = start();
      assert.deepEqual(talk.news, [BURST]);
      assert.deepEqual(talk.hear(heard).news, expected);
    });
  }

  it('gives the last reply to all who were accepted, and is ready again', () => {
    const talk = start().hear('250 ok\r\n250 ok\r\n550 no\r\n354 go\r\n');
    talk.take(talk.dialogue.bodySent());
    assert.equal(talk.dialogue.awaiting, 'message');
    talk.hear('250 2.0.0 queued\r\n');
    assert.equal(talk.done.at(-1), 'result message 250 2.0.0, rcpt 550');
    talk.news;
    assert.deepEqual(talk.send(envelope()).news, [
      '> MAIL FROM:<a@a.example> | RCPT TO:<b@b.example> | DATA',
    ]);
  });

  it('keeps the refused recipients of a lone dot', () => {
    const talk = start().hear('250 ok\r\n550 no\r\n551 no\r\n354 go\r\n');
    talk.news;
    assert.deepEqual(talk.hear('554 nobody\r\n').news, ['result rcpt 550, rcpt 551']);
    assert.ok(talk.dialogue.isReady);
  });

  it('resets after an open transaction, in the next burst', () => {
    const talk = start().hear('250 ok\r\n550 no\r\n551 no\r\n503 no\r\n');
    talk.news;
    assert.deepEqual(talk.send(envelope()).news, [
      '> RSET | MAIL FROM:<a@a.example> | RCPT TO:<b@b.example> | DATA',
    ]);
    assert.deepEqual(talk.hear('250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n').news, ['send-body']);
  });

  it('does not go on when RSET is refused', () => {
    const talk = start().hear('250 ok\r\n550 no\r\n551 no\r\n503 no\r\n');
    talk.send(envelope()).news;
    assert.deepEqual(talk.hear('500 what\r\n').news, ['result mail -', 'fault rset']);
  });

  it('believes a refusal in the middle of the message, and ends the dialogue', () => {
    const talk = start().hear('250 a\r\n250 b\r\n250 c\r\n354 go\r\n');
    talk.news;
    assert.deepEqual(talk.hear('552 5.3.4 big\r\n').news, [
      'result message 552 5.3.4, message 552 5.3.4',
      'fault message',
    ]);
  });

  it('does not believe an acceptance in the middle of the message', () => {
    const talk = start().hear('250 a\r\n250 b\r\n250 c\r\n354 go\r\n');
    talk.news;
    assert.deepEqual(talk.hear('250 ok\r\n').news, ['result data -, data -', 'fault message']);
  });

  it('tells a connection lost before the end of data from one lost after it', () => {
    const before = start().hear('250 a\r\n250 b\r\n550 c\r\n354 go\r\n');
    before.news;
    assert.deepEqual(before.take(before.dialogue.ended('reset')).news, [
      'result data -, rcpt 550',
      'fault message',
    ]);
    const after = start().hear('250 a\r\n250 b\r\n550 c\r\n354 go\r\n');
    after.dialogue.bodySent();
    after.news;
    assert.deepEqual(after.take(after.dialogue.ended('reset')).news, [
      'result message -, rcpt 550',
      'fault message',
    ]);
  });
});

describe('STARTTLS', () => {
  const start = () => {
    const talk = new Talk().ready('STARTTLS', 'PIPELINING');
    talk.take(talk.dialogue.startTls());
    assert.deepEqual(talk.news, ['> STARTTLS']);
    return talk;
  };

  it('begins with 220, and says EHLO again once it is up', () => {
    const talk = start().hear('220 go\r\n');
    assert.deepEqual(talk.news, ['start-tls']);
    assert.deepEqual(talk.take(talk.dialogue.secured()).news, ['> EHLO mx.a.example']);
  });

  it('forgets what was offered in clear', () => {
    const talk = start().hear('220 go\r\n');
    talk.take(talk.dialogue.secured()).hear('250 b\r\n');
    talk.news;
    assert.deepEqual(talk.send(envelope()).news, ['> MAIL FROM:<a@a.example>']);
    assert.throws(() => new SmtpDialogue('x').startTls());
  });

  for (const [name, heard] of [
    ['a whole reply', '220 go\r\n250 injected\r\n'],
    ['half a line', '220 go\r\n2'],
    ['a single octet', '220-go\r\n220 go\n\0'],
  ] as const) {
    it(`takes ${name} behind the 220 for a fault`, () => {
      assert.deepEqual(start().hear(heard).news, ['start-tls', 'fault idle']);
    });
  }

  it('leaves the dialogue ready when it is refused', () => {
    const talk = start().hear('454 4.7.0 not now\r\n');
    assert.deepEqual(talk.news, ['tls-refused']);
    assert.ok(talk.dialogue.isReady);
  });

  it('takes 250 for no answer', () => assert.deepEqual(start().hear('250 ok\r\n').news, ['fault starttls']));
  it('ends with 421', () => assert.deepEqual(start().hear('421 bye\r\n').news, ['refused starttls']));
});

describe('the end', () => {
  it('comes with QUIT and 221', () => {
    const talk = new Talk().ready();
    talk.take(talk.dialogue.quit()).hear('221 bye\r\n');
    assert.deepEqual(talk.news, ['> QUIT', 'closed']);
  });

  it('comes with QUIT and a closed connection', () => {
    const talk = new Talk().ready();
    talk.take(talk.dialogue.quit()).take(talk.dialogue.ended('closed'));
    assert.deepEqual(talk.news, ['> QUIT', 'closed']);
  });

  it('comes once', () => {
    const talk = new Talk('garbage\r\n');
    talk.news;
    assert.deepEqual(talk.hear('220 hi\r\n').take(talk.dialogue.ended('closed')).news, []);
  });

  it('comes when a reply is too long', () => {
    const talk = new Talk();
    for (let line = 0; line < 2000; line++) talk.hear('220-and more\r\n');
    assert.deepEqual(talk.news, ['fault greeting']);
  });

  it('is no place for a name that could end a line', () => {
    assert.throws(() => new SmtpDialogue('a\r\nMAIL FROM:<x>'), TypeError);
  });
});

describe('LMTP', () => {
  const begun = (...keywords: string[]) => new LmtpTalk().ready(...keywords);
  const four = ['a@b.example', 'b@b.example', 'c@b.example', 'd@b.example'];

  it('says LHLO, and nothing else when that is refused', () => {
    assert.deepEqual(new LmtpTalk('220 hi\r\n', '500 what\r\n').news, [
      '> LHLO mx.a.example',
      '> QUIT',
      'refused lhlo',
    ]);
  });

  it('gives each accepted recipient its own reply, in their order', () => {
    const talk = begun('PIPELINING').send(envelope({}, ...four));
    talk.hear('250 ok\r\n250 ok\r\n550 5.1.1 no\r\n250 ok\r\n250 ok\r\n354 go\r\n');
    talk.take(talk.dialogue.bodySent());
    talk.hear('250 2.0.0 a\r\n452 4.2.2 full\r\n');
    assert.equal(talk.dialogue.isReady, false);
    talk.hear('552 5.2.2 full for good\r\n');
    assert.deepEqual(talk.news.slice(1), [
      'send-body',
      'result message 250 2.0.0, rcpt 550 5.1.1, message 452 4.2.2, message 552 5.2.2',
    ]);
    assert.equal(talk.dialogue.isReady, true);
    assert.match(talk.send(envelope()).news[0] ?? '', /^> MAIL/, 'no RSET is needed');
  });

  it('leaves those without a reply who wait when the connection is lost', () => {
    const talk = begun('PIPELINING').send(envelope({}, 'a@b.example', 'b@b.example'));
    talk.hear('250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n');
    talk.take(talk.dialogue.bodySent()).hear('250 2.0.0 a\r\n').take(talk.dialogue.ended('lost'));
    assert.deepEqual(talk.news.slice(2), ['result message 250 2.0.0, message -', 'fault message']);
  });

  it('believes an early refusal for one recipient only', () => {
    const talk = begun('PIPELINING').send(envelope({}, 'a@b.example', 'b@b.example'));
    talk.hear('250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n552 5.2.2 full\r\n');
    assert.deepEqual(talk.news.slice(2), ['result message 552 5.2.2, data -', 'fault message']);
  });

  it('sends no empty message where DATA was accepted for nobody', () => {
    const talk = begun('PIPELINING').send(envelope());
    talk.hear('250 ok\r\n550 5.1.1 no\r\n354 go\r\n');
    assert.deepEqual(talk.news.slice(1), ['result rcpt 550 5.1.1', 'fault data']);
  });

  it('says LHLO again over TLS', () => {
    const talk = begun('STARTTLS');
    talk.take(talk.dialogue.startTls()).hear('220 go\r\n').take(talk.dialogue.secured());
    assert.deepEqual(talk.news, ['> STARTTLS', 'start-tls', '> LHLO mx.a.example']);
  });
});
