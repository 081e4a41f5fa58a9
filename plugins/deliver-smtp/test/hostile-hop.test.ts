// A next hop is as hostile as any client: whatever it says and whenever, the message gets its outcome, the connection
// ends, nothing grows and nothing throws.

import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { type RelayConfig, relay } from './relay.ts';

const STAGES = ['greeting', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'message', 'QUIT'] as const;
type Stage = (typeof STAGES)[number];

const POLITE: Readonly<Record<Stage, string>> = {
  greeting: '220 hop.example\r\n',
  EHLO: '250-hop.example\r\n250 PIPELINING\r\n',
  MAIL: '250 ok\r\n',
  RCPT: '250 ok\r\n',
  DATA: '354 go on\r\n',
  message: '250 2.0.0 taken\r\n',
  QUIT: '221 bye\r\n',
};

type Answer = (socket: Socket, polite: string, stage: Stage) => void;

interface Hop extends AsyncDisposable {
  readonly smarthost: string;
  readonly lines: string[];
  readonly sockets: Socket[];
}

/** Listens, and answers each command, or each in a burst, as it likes. */
async function hopThat(answer: Answer): Promise<Hop> {
  const lines: string[] = [];
  const sockets: Socket[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.push(socket);
    let heard = '';
    let inMessage = false;
    const say = (stage: Stage): void => {
      if (!socket.destroyed) answer(socket, POLITE[stage], stage);
    };
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => {
      heard += bytes.toString('latin1');
      for (let end = heard.indexOf('\r\n'); end !== -1; end = heard.indexOf('\r\n')) {
        const line = heard.slice(0, end);
        heard = heard.slice(end + 2);
        if (inMessage && line !== '.') continue;
        lines.push(line);
        const stage = inMessage ? 'message' : (line.split(' ', 1)[0] as Stage);
        inMessage = stage === 'DATA';
        say(stage);
      }
    });
    say('greeting');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    smarthost: `[127.0.0.1]:${(server.address() as { port: number }).port}`,
    lines,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const at =
  (stage: Stage, hostile: Answer): Answer =>
  (socket, polite, now) => {
    if (now === stage) hostile(socket, polite, now);
    else socket.write(polite);
  };

async function sendTo(hop: Hop, config: RelayConfig = {}) {
  await using sender = await relay({ smarthost: hop.smarthost, idleTimeout: 1000, ...config });
  const { 'b@b.example': outcome } = await sender.send();
  return outcome;
}

const HOSTILE: Readonly<Record<string, Answer>> = {
  'a line without an end': (socket) => void socket.write(`250 ${'x'.repeat(2_000_000)}`),
  'a reply without an end': (socket) => void socket.write('250-x\r\n'.repeat(300_000)),
  'a reply of one line too many': (socket) => void socket.write(`${'250-x\r\n'.repeat(1000)}250 x\r\n`),
  'a million empty lines': (socket) => void socket.write('\r\n'.repeat(1_000_000)),
  'a million NULs': (socket) => void socket.write(Buffer.alloc(1_000_000)),
  'octets of chance': (socket) => void socket.write(Buffer.from('\xff\xfe\x80\r\n\0\x1b[2J\r', 'latin1')),
  'the code 999': (socket) => void socket.write('999 what\r\n'),
  'the code 000': (socket) => void socket.write('000 what\r\n'),
  'the code 199': (socket) => void socket.write('199 wait\r\n'),
  'the code 600': (socket) => void socket.write('600 what\r\n'),
  'a code of two digits': (socket) => void socket.write('25 ok\r\n'),
  'a code of four digits': (socket) => void socket.write('2500 ok\r\n'),
  '354 where nothing was to come': (socket) => void socket.write('354 go on\r\n'),
  '334 where nobody logs in': (socket) => void socket.write('334 aGFsbG8=\r\n'),
  'a code that changes': (socket) => void socket.write('250-a\r\n550 b\r\n'),
  '421': (socket) => void socket.write('421 4.3.2 bye\r\n'),
  '421 behind its reply': (socket, polite) => void socket.write(`${polite}421 4.3.2 bye\r\n`),
  'one more reply': (socket, polite) => void socket.write(`${polite}250 and more\r\n`),
  'a hundred replies': (socket, polite) => void socket.write(polite + '250 ok\r\n'.repeat(100)),
  'half a reply, and is gone': (socket) => void socket.end('25'),
  'nothing, and is gone': (socket) => void socket.resetAndDestroy(),
};

/** What comes behind a good reply. */
const BEHIND = ['421 behind its reply', 'one more reply', 'a hundred replies'];

describe('a next hop', () => {
  it('costs one attempt, whatever it says and whenever', async () => {
    let answer: Answer = () => {};
    await using hop = await hopThat((...asked) => answer(...asked));
    await using sender = await relay({ smarthost: hop.smarthost, messagesPerConnection: 1 });
    for (const [name, hostile] of Object.entries(HOSTILE)) {
      for (const stage of STAGES) {
        answer = at(stage, hostile);
        const { 'b@b.example': outcome } = await sender.send();
        // Behind the end of the message, and where a 3yz is right, all is well.
        const isDelivered =
          stage === 'QUIT' ||
          (stage === 'message' && BEHIND.includes(name)) ||
          (stage === 'DATA' && name.startsWith('3'));
        if (outcome?.kind !== 'delivered') assert.equal(outcome?.kind, 'deferred', `${name} to ${stage}`);
        else assert.ok(isDelivered, `${name} to ${stage}`);
        assert.ok(!JSON.stringify(outcome).includes('\\u001b'));
      }
    }
    assert.ok(hop.sockets.length >= Object.keys(HOSTILE).length * STAGES.length);
  });

  // The dialogue is over when STARTTLS or AUTH would be next.
  for (const [name, more] of [
    ['one more reply', '250 and more\r\n'],
    ['421', '421 bye\r\n'],
    ['nonsense', 'what?\r\n'],
  ] as const) {
    it(`that offers STARTTLS and AUTH and says ${name} at once costs one attempt`, async () => {
      const offers = `250-hop.example\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n${more}`;
      await using hop = await hopThat(at('EHLO', (socket) => void socket.write(offers)));
      const login = { [hop.smarthost]: { user: 'ann', password: 'pencil', authWithoutTls: true } };
      for (const config of [{}, { tls: 'none', auth: login }, { tls: 'encrypt' }] as const) {
        const outcome = await sendTo(hop, config);
        assert.equal(outcome?.kind, 'deferred');
      }
      assert.ok(hop.lines.every((line) => !/^(?:AUTH|STARTTLS|MAIL)/.test(line)));
    });

    it(`that refuses STARTTLS and says ${name} at once hears no password`, async () => {
      const answer: Answer = (socket, polite, stage) => {
        if ((stage as string) === 'STARTTLS') socket.write(`454 no\r\n${more}`);
        else if (stage === 'EHLO') socket.write('250-hop\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n');
        else socket.write(polite);
      };
      await using hop = await hopThat(answer);
      const login = { [hop.smarthost]: { user: 'ann', password: 'pencil', authWithoutTls: true } };
      assert.equal((await sendTo(hop, { auth: login }))?.kind, 'deferred');
      assert.ok(hop.lines.every((line) => !line.startsWith('AUTH')));
    });
  }

  it('that has more to say behind the 220 to STARTTLS is left before the handshake', async () => {
    for (const more of ['250-evil.example\r\n250 AUTH PLAIN\r\n', '\x16\x03\x01', '\r\n', '2']) {
      await using hop = await hopThat((socket, polite, stage) => {
        if ((stage as string) === 'STARTTLS') socket.write(`220 go on\r\n${more}`);
        else socket.write(stage === 'EHLO' ? '250-hop\r\n250 STARTTLS\r\n' : polite);
      });
      assert.equal((await sendTo(hop))?.kind, 'deferred', JSON.stringify(more));
      assert.deepEqual(hop.lines, ['EHLO mx.a.example', 'STARTTLS']);
    }
  });

  it('that says anything at all, in pieces of any size, leads to an outcome', async () => {
    let said: readonly string[] = [];
    await using hop = await hopThat((socket) => {
      const [next = '421 enough\r\n', ...rest] = said;
      said = rest;
      const middle = next.length >> 1;
      socket.write(next.slice(0, middle), 'latin1');
      socket.write(next.slice(middle), 'latin1');
    });
    const login = { [hop.smarthost]: { user: 'ann', password: 'pencil', authWithoutTls: true } };
    const settings = { smarthost: hop.smarthost, auth: login, messagesPerConnection: 1, tls: 'may' } as const;
    await using sender = await relay(settings);
    const words = fc.constantFrom(
      ...Object.values(POLITE),
      '250-hop\r\n250-AUTH PLAIN LOGIN\r\n250 STARTTLS\r\n',
      '250-hop\r\n250-PIPELINING\r\n250 AUTH LOGIN\r\n',
      '235 2.7.0 known\r\n',
      '334 \r\n',
      '334 VXNlcm5hbWU6\r\n',
      '454 no\r\n',
      '550 5.1.1 no\r\n',
      '421 bye\r\n',
      '250',
      '-\r\n',
      '\r\n',
      '\0\xff',
    );
    const replies = fc.array(
      fc.array(words, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('')),
      { maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(replies, async (all) => {
        said = all;
        // What is never finished is the clock's to end.
        const sending = sender.send();
        for (let isDone = false; !isDone; ) {
          void sending.then(() => {
            isDone = true;
          });
          for (let turns = 0; turns < 30 && !isDone; turns++) await turn();
          if (!isDone) await sender.clock.advance(60_000);
        }
        assert.ok((await sending)['b@b.example'] !== undefined);
      }),
      { numRuns: 300 },
    );
  });

  it('that asks on and on in AUTH is left', async () => {
    await using hop = await hopThat((socket, polite, stage) => {
      if (stage === 'EHLO') socket.write('250-hop.example\r\n250 AUTH XOAUTH2\r\n');
      else if (STAGES.includes(stage)) socket.write(polite);
      else socket.write(`334 ${'YQ=='.repeat(500)}\r\n`);
    });
    const login = { [hop.smarthost]: { user: 'ann', token: 'secret', authWithoutTls: true } };
    const outcome = await sendTo(hop, { tls: 'none', auth: login });
    assert.equal(outcome?.kind, 'deferred');
    assert.ok(hop.lines.length < 20, String(hop.lines.length));
  });

  it('that offers ten thousand extensions is not believed, and one of a hundred is', async () => {
    for (const [count, kind] of [
      [10_000, 'deferred'],
      [100, 'delivered'],
    ] as const) {
      const keywords = Array.from({ length: count }, (_, index) => `250-X${index} ${index}\r\n`).join('');
      await using hop = await hopThat(
        at('EHLO', (socket) => void socket.write(`250-hop\r\n${keywords}250 PIPELINING\r\n`)),
      );
      assert.equal((await sendTo(hop))?.kind, kind);
    }
  });

  it('that says its replies octet by octet is understood', async () => {
    await using hop = await hopThat((socket, polite) => {
      for (const octet of polite) socket.write(octet);
    });
    assert.equal((await sendTo(hop))?.kind, 'delivered');
  });

  it('that says an octet a minute has no more time than one that says nothing', async () => {
    await using hop = await hopThat((socket, polite, stage) => {
      if (stage === 'greeting' || stage === 'EHLO') socket.write(polite);
    });
    await using sender = await relay({ smarthost: hop.smarthost });
    const sending = sender.send();
    let minutes = 0;
    let isDone = false;
    void sending.then(() => {
      isDone = true;
    });
    while (!hop.lines.some((line) => line.startsWith('MAIL'))) await turn();
    for (; !isDone && minutes < 20; minutes++) {
      hop.sockets[0]?.write(minutes === 0 ? '2' : minutes === 1 ? '5' : minutes === 2 ? '0-' : 'x');
      for (let turns = 0; turns < 50; turns++) await turn();
      await sender.clock.advance(60_000);
      for (let turns = 0; turns < 50; turns++) await turn();
    }
    assert.equal((await sending)['b@b.example']?.kind, 'deferred');
    // RFC 5321 §4.5.3.2.2: five minutes for the reply to MAIL.
    assert.ok(minutes >= 5 && minutes <= 7, String(minutes));
  });

  it('that whispers on a kept connection does not keep it open', async () => {
    await using hop = await hopThat((socket, polite) => void socket.write(polite));
    await using sender = await relay({ smarthost: hop.smarthost });
    await sender.send();
    let seconds = 0;
    for (; seconds < 60 && !hop.lines.includes('QUIT') && hop.sockets[0]?.readyState === 'open'; seconds++) {
      hop.sockets[0]?.write('2');
      for (let turns = 0; turns < 50; turns++) await turn();
      await sender.clock.advance(1000);
      for (let turns = 0; turns < 50; turns++) await turn();
    }
    assert.ok(seconds <= 10, String(seconds));
  });

  it('that writes books to each recipient fills no memory, and its first words are kept', async () => {
    const book = `550-5.1.1 ${'no '.repeat(1000)}\r\n`.repeat(18);
    await using hop = await hopThat(at('RCPT', (socket) => void socket.write(`${book}550 5.1.1 no\r\n`)));
    await using sender = await relay({ smarthost: hop.smarthost });
    const recipients = Array.from({ length: 200 }, (_, index) => `b${index}@b.example`);
    const outcomes = await sender.send(recipients);
    assert.equal(Object.keys(outcomes).length, 200);
    for (const outcome of Object.values(outcomes)) {
      assert.equal(outcome?.kind, 'failed');
      assert.ok(JSON.stringify(outcome).length < 5000);
    }
  });
});
