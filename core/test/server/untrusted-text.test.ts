// Text from outside, wherever it comes in and wherever it comes out: no reply line, log line, command, notice or terminal
// is ever at its mercy. One table of places that it comes in by, one of places that it comes out at.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { visibleLines } from '../../src/cli/columns.ts';
import { summaryText } from '../../src/cli/queue-summary-text.ts';
import { entryText, pageText } from '../../src/cli/queue-text.ts';
import { storyText } from '../../src/cli/why-text.ts';
import { Pool, transfer } from '../../src/client/index.ts';
import { timeoutProperties } from '../../src/client/settings.ts';
import {
  Clock,
  type Delivery,
  definePlugin,
  type EventName,
  Outcome,
  type SessionHook,
  Verdict,
} from '../../src/contract/index.ts';
import { QueueControl } from '../../src/delivery/index.ts';
import { receivedField } from '../../src/intake/trace.ts';
import { loggerTo } from '../../src/server/logging.ts';
import { formatReply, formatXtext, reply } from '../../src/smtp/index.ts';
import {
  authMemory,
  fakeClock,
  type OpenHouse,
  openHouse,
  type ScriptedHop,
  scriptedHop,
} from '../../src/testing/index.ts';
import { inProcess } from '../cli/posthouse.ts';
import { parseReport } from '../delivery/report-parser.ts';

const HOSTILE: Readonly<Record<string, string>> = {
  'line ends and a reply': 'a\r\n250 2.0.0 Ok\r\nb\nc\rd',
  'a field and a body': 'a\r\nBcc: victim@ours.example\r\n\r\n.\r\nQUIT\r\n',
  'what terminals obey': '\u001b[2J\u001b]0;owned\u0007\b\b\u007f\u009b31mred\u0085\u0090q\u009c',
  NULs: '\0a\0\0b\0',
  'text that is turned round':
    '\u202egnp.exe\u202c\u2066x\u2069\u061c\u200f\u200e\ufeff\u2028b\u2029c\u000bd\u000ce',
  'half characters and JSON':
    '\ud800 \udfff\udc00 \ud83d"},{"level":"fatal","\\u0000":"\\%s%d%j%n$(exit){recipients}',
  'a hundred thousand octets': 'x'.repeat(51_200) + 'word \r\n\u001b[1m'.repeat(4654),
};

/** RFC 5321 §4.2 and §4.5.3.1.5. */
const REPLY = /^(?:(?:(\d{3})-[\t -~]{0,506}\r\n)(?=\1))*\d{3}(?: [\t -~]{0,506})?\r\n/;
const OBEYED = /(?!\n)[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u;

function assertReplies(wire: string): void {
  for (let rest = wire; rest !== ''; ) {
    const [first] = REPLY.exec(rest) ?? [];
    assert.ok(first !== undefined, `no reply: ${JSON.stringify(rest.slice(0, 200))}`);
    rest = rest.slice(first.length);
  }
}

/** As it is written: in UTF-8 half a character has no place. */
const written = (text: string): string => Buffer.from(text).toString();

function assertLogLine(line: string): void {
  assert.ok(line.endsWith('}\n'));
  assert.doesNotMatch(line.slice(0, -1), OBEYED);
  assert.equal(line.indexOf('\n'), line.length - 1);
  assert.equal(typeof JSON.parse(line), 'object');
}

function assertShown(text: string): void {
  assert.doesNotMatch(text, OBEYED);
}

/** What each handler answers, by the address that asks. */
const VERDICTS: readonly (readonly [hook: SessionHook, answer: (text: string) => unknown])[] = [
  ['on-connect', (text) => Verdict.reject('5.7.1', text, { reason: text })],
  ['on-connect', (text) => Verdict.defer('4.7.1', text)],
  ['on-connect', (text) => Verdict.disconnect(text, { reason: text })],
  ['on-mail-from', (text) => Verdict.reject('5.7.1', text)],
  ['on-mail-from', (text) => Verdict.defer('4.7.1', text, { reason: text })],
  ['on-mail-from', (text) => Verdict.disconnect(text)],
  ['on-mail-from', (text) => assert.fail(text)],
  ['on-mail-from', (text) => ({ kind: text })],
  ['on-mail-from', (text) => ({ kind: 'reject', status: text, text })],
  ['on-mail-from', (text) => ({ kind: 'reject', status: '5.7.1', text, code: text })],
  ['on-rcpt', (text) => Verdict.reject('5.7.1', text)],
  ['on-rcpt', (text) => Verdict.accept({ reason: text })],
  ['on-data', (text) => Verdict.reject('5.7.1', text)],
  ['on-data', (text) => Verdict.discard(text)],
  ['on-data', (text) => Verdict.quarantine(text)],
  ['on-data', (text) => Promise.reject(new Error(text))],
];

/** What the transport answers, by the local part of the recipient. */
const OUTCOMES: Readonly<Record<string, (text: string) => unknown>> = {
  delivered: (text) => Outcome.delivered(text, { remote: { host: text, reply: text } }),
  deferred: (text) => Outcome.deferred('4.0.0', text, { remote: { host: text, reply: text } }),
  failed: (text) => Outcome.failed('5.0.0', text, { host: text, reply: text }),
  local: (text) => Outcome.failed('5.0.0', text),
  discarded: (text) => Outcome.discarded(text),
  nonsense: (text) => ({ kind: text }),
  throws: (text) => assert.fail(text),
};

/** Where a client's own words go: what it says after EHLO. */
const CLIENT: Readonly<Record<string, (text: string) => string>> = {
  'a verb': (text) => text,
  'the name in EHLO': (text) => `EHLO ${text}`,
  'the name in HELO': (text) => `HELO ${text}`,
  'an argument of NOOP': (text) => `NOOP ${text}`,
  'an argument of VRFY': (text) => `VRFY ${text}`,
  'an argument of STARTTLS': (text) => `STARTTLS ${text}`,
  'an argument of BDAT': (text) => `BDAT 0 ${text}`,
  'a sender': (text) => `MAIL FROM:<${text}@client.example> SMTPUTF8`,
  'a quoted sender': (text) => `MAIL FROM:<"${text}"@client.example> SMTPUTF8`,
  'a domain': (text) => `MAIL FROM:<a@${text}> SMTPUTF8`,
  'behind a sender': (text) => `MAIL FROM:<a@client.example>${text}`,
  'a parameter': (text) => `MAIL FROM:<a@client.example> ${text}`,
  'a value': (text) => `MAIL FROM:<a@client.example> BODY=${text}`,
  ENVID: (text) => `MAIL FROM:<a@client.example> ENVID=${formatXtext(text)}`,
  'an AUTH parameter': (text) => `MAIL FROM:<a@client.example> AUTH=${formatXtext(text)}`,
  'a mechanism': (text) => `AUTH ${text}`,
  'an initial response': (text) => `AUTH PLAIN ${text}`,
  'a user in PLAIN': (text) => `AUTH PLAIN ${Buffer.from(`\0${text}\0pencil`).toString('base64')}`,
  'an identity in PLAIN': (text) => `AUTH PLAIN ${Buffer.from(`${text}\0ann\0pencil`).toString('base64')}`,
  'a user in LOGIN': (text) => `AUTH LOGIN\r\n${Buffer.from(text).toString('base64')}\r\nAAAA`,
  'a user in SCRAM': (text) =>
    `AUTH SCRAM-SHA-256 ${Buffer.from(`n,,n=${text},r=abc`).toString('base64')}\r\n*`,
  'a token': (text) =>
    `AUTH XOAUTH2 ${Buffer.from(`user=${text}\x01auth=Bearer ${text}\x01\x01`).toString('base64')}`,
  'NAME in XCLIENT': (text) => `XCLIENT NAME=${formatXtext(text)}`,
  'HELO in XCLIENT': (text) => `XCLIENT HELO=${formatXtext(text)}`,
  'LOGIN in XCLIENT': (text) => `XCLIENT LOGIN=${formatXtext(text)}`,
  'ADDR in XCLIENT': (text) => `XCLIENT ADDR=${formatXtext(text)}`,
  'an attribute of XCLIENT': (text) => `XCLIENT ${text}=x`,
  'IDENT in XFORWARD': (text) => `XFORWARD IDENT=${formatXtext(text)}`,
  'HELO in XFORWARD': (text) => `XFORWARD HELO=${formatXtext(text)} NAME=${formatXtext(text)}`,
};

const IN_TRANSACTION: Readonly<Record<string, (text: string) => string>> = {
  'a recipient': (text) => `RCPT TO:<${text}@ours.example>`,
  'a quoted recipient': (text) => `RCPT TO:<"${text}"@ours.example>`,
  'a parameter of RCPT': (text) => `RCPT TO:<failed@ours.example> ${text}`,
  'an ORCPT': (text) => `RCPT TO:<failed@ours.example> ORCPT=rfc822;${formatXtext(text)}`,
  'an ORCPT in UTF-8': (text) => `RCPT TO:<failed@ours.example> ORCPT=utf-8;${text}`,
  'the type of an ORCPT': (text) => `RCPT TO:<failed@ours.example> ORCPT=${text};a`,
};

/** Which reply of the next hop is hostile, by the local part of the recipient. */
const HOP_SAYS: readonly string[] = ['greeting', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'message'];

for (const [name, hostile] of Object.entries(HOSTILE)) {
  describe(`a house that hears ${name}`, () => {
    let house: OpenHouse;
    let hop: ScriptedHop;
    let saying = 'RCPT';
    let wake = (): void => {};
    const notices: Uint8Array[] = [];
    const wires: string[] = [];

    before(async () => {
      hop = await scriptedHop(() => {
        const said = `5${'50'} ${hostile}`;
        return {
          ...(saying === 'greeting' && { greeting: `554 ${hostile}` }),
          ...(saying === 'EHLO' && { EHLO: `250-${hostile}\r\n250 ${hostile}` }),
          ...(saying === 'MAIL' && { MAIL: said }),
          ...(saying === 'RCPT' && { RCPT: said }),
          ...(saying === 'DATA' && { DATA: said }),
          ...(saying === 'message' && { message: said }),
        };
      });
      house = await openHouse({
        listeners: [
          {
            name: 'mx',
            host: '127.0.0.1',
            port: 0,
            bareLf: 'normalise',
            bareCr: 'normalise',
            nul: 'accept',
            auth: 'offered',
            authWithoutTls: true,
            xclient: ['192.0.2.0/24'],
          },
          { name: 'proxied', host: '127.0.0.1', port: 0, proxy: ['192.0.2.0/24'] },
        ],
        limits: { commandLine: 200_000 },
        deadlines: { authDelay: 0 },
        plugins: [authMemory({ users: { ann: 'pencil' }, tokens: { good: 'ann' } }), speaks(), carries()],
      });
    });
    after(async () => {
      await house[Symbol.asyncDispose]();
      await hop[Symbol.asyncDispose]();
    });

    function speaks() {
      const answers = (hook: SessionHook) => (asked: { session: { remoteAddress: string } }) => {
        const turnOf = /^198\.51\.100\.(\d+)$/.exec(asked.session.remoteAddress)?.[1];
        const [wanted, answer] = VERDICTS[Number(turnOf)] ?? [];
        if (wanted === hook) return answer?.(hostile) as never;
        return hook === 'on-rcpt' ? Verdict.accept() : undefined;
      };
      return definePlugin({
        name: 'speaks',
        setup: () => ({
          hooks: {
            'on-connect': answers('on-connect'),
            'on-mail-from': answers('on-mail-from'),
            'on-rcpt': answers('on-rcpt') as never,
            'on-data': answers('on-data') as never,
          },
        }),
      })();
    }

    function carries() {
      return definePlugin({
        name: 'carries',
        needs: { clock: Clock },
        setup: ({ clock, log }) => {
          const timeouts = Object.fromEntries(Object.keys(timeoutProperties).map((key) => [key, 60_000]));
          const settings = {
            ...(timeouts as Record<keyof typeof timeoutProperties, number>),
            helo: 'house.example',
            tls: 'none',
            idleTimeout: 1000,
            messagesPerConnection: 1,
          } as const;
          const pool = new Pool(settings, clock);
          const deliver = async (delivery: Delivery): Promise<Outcome | undefined> => {
            const [recipient] = delivery.recipients;
            const local = recipient?.address.local ?? '';
            if (delivery.sender === null) {
              const chunks: Uint8Array[] = [];
              for await (const chunk of delivery.message.open()) chunks.push(chunk);
              notices.push(Buffer.concat(chunks));
              return Outcome.delivered();
            }
            delivery.report(() => ({
              host: hostile,
              address: hostile,
              port: 25,
              reused: false,
              tls: { version: hostile, cipher: hostile },
              ...(local === 'failed' && { trouble: hostile }),
              replies: [{ command: hostile, reply: hostile, recipients: 1 }],
              milliseconds: 0,
            }));
            delivery.log.warn({ hostile }, hostile);
            if (HOP_SAYS.includes(local))
              return transfer(delivery, { settings, log, pool }, () => ({
                targets: [{ host: hostile, address: '127.0.0.1', port: hop.port }],
              }));
            return OUTCOMES[local]?.(hostile) as Outcome;
          };
          return {
            hooks: {
              'on-deliver': {
                // Each in a lane of its own: one that fails does not make the others wait.
                claim: ({ local, domain }) => (domain === 'ours.example' ? `${local} ${hostile}` : domain),
                deliver,
              },
            },
            observe: { 'attempt-finished': () => wake(), 'notice-queued': () => wake() },
            start: () => pool.start(),
            stop: () => pool.stop(),
          };
        },
      })();
    }

    /** Every message and every notice has had its first attempt, and whoever failed has led to a notice. */
    async function allTried(): Promise<void> {
      const isDone = (): boolean => {
        const told = house.events('notice-queued');
        const failed = house.events('recipient-settled').filter(({ outcome }) => outcome.kind === 'failed');
        const tried = new Set(house.events('attempt-finished').map(({ message }) => message));
        const queued = house.events('message-queued').filter(({ held }) => !held);
        return told.length === failed.length && tried.size === queued.length + told.length;
      };
      while (!isDone())
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }

    /** Says all of it at once and hears all of it; invalid UTF-8 too, where the octets are given as Latin-1. */
    async function say(
      text: string,
      remoteAddress: string,
      encoding: 'utf8' | 'latin1' = 'utf8',
      listener = 'mx',
    ) {
      const stream = house.connect({ remoteAddress, listener });
      let heard = '';
      stream.on('data', (bytes: Buffer) => {
        heard += bytes.toString('latin1');
      });
      stream.on('error', () => {});
      stream.end(Buffer.from(text, encoding));
      await once(stream, 'end');
      stream.destroy();
      wires.push(heard);
    }

    const letter = (to: string): string =>
      `EHLO client.example\r\nMAIL FROM:<ann@client.example> SMTPUTF8\r\nRCPT TO:<${to}@ours.example>\r\nDATA\r\nSubject: ${hostile.replaceAll('\r\n.\r\n', '').slice(0, 5000)}\r\n\r\nHi\r\n.\r\nQUIT\r\n`;

    test('answers its clients in replies, whatever plugins say', async () => {
      for (const index of VERDICTS.keys()) await say(letter('delivered'), `198.51.100.${index}`);
      wires.forEach(assertReplies);
      assert.ok(wires.every((wire) => wire !== ''));
    });

    test('answers its clients in replies, whatever they say', async () => {
      wires.length = 0;
      const begin = 'EHLO client.example\r\nMAIL FROM:<a@client.example> SMTPUTF8\r\n';
      for (const encoding of ['utf8', 'latin1'] as const) {
        for (const line of Object.values(CLIENT))
          await say(`EHLO client.example\r\n${line(hostile)}\r\nQUIT\r\n`, '192.0.2.1', encoding);
        for (const line of Object.values(IN_TRANSACTION))
          await say(`${begin}${line(hostile)}\r\nDATA\r\nHi\r\n.\r\nQUIT\r\n`, '192.0.2.1', encoding);
        await say(hostile, '192.0.2.1', encoding);
      }
      wires.forEach(assertReplies);
    });

    test('keeps silent before a proxy that says it', async () => {
      for (const header of [
        hostile,
        `PROXY TCP4 ${hostile}\r\n`,
        `PROXY TCP4 192.0.2.9 ${hostile} 1 2\r\n`,
      ]) {
        wires.length = 0;
        await say(header, '192.0.2.1', 'utf8', 'proxied');
        assert.deepEqual(wires, ['']);
      }
    });

    test('tells the sender in notices that are mail', async () => {
      for (const local of Object.keys(OUTCOMES)) await say(letter(local), '203.0.113.1');
      for (const local of HOP_SAYS) {
        saying = local;
        await say(letter(local), '203.0.113.1');
        await allTried();
      }
      assert.ok(notices.length >= 2, String(notices.length));
      assert.equal(notices.length, house.events('notice-queued').length);
      for (const notice of notices) {
        const { text } = parseReport(notice);
        assertShown(Buffer.from(text, 'latin1').toString('utf8').replaceAll('\r\n', '\n'));
      }
    });

    test('writes log lines that are one line of JSON each', () => {
      let lines: string[] = [];
      const logger = loggerTo({ write: (line) => lines.push(written(line)) }, { level: 'debug' });
      assert.ok(house.log.lines.length > 100);
      for (const { level, text, fields } of house.log.lines) logger[level](fields, text);
      assert.equal(lines.length, house.log.lines.length);
      lines.forEach(assertLogLine);
      lines = [];
      logger.child({ [hostile]: hostile }).error({ [hostile]: [hostile] }, hostile);
      lines.forEach(assertLogLine);
      // Escaped, and still what it was.
      assert.equal(written(JSON.parse(lines[0] ?? '').msg), written(hostile));
    });

    test('shows its queue and what has happened without a character that a terminal obeys', async () => {
      const { store, scheduler, routing, events: sink } = house.server.house;
      const settings = { expireAfter: 1 };
      const clock = fakeClock();
      const control = new QueueControl({ store, scheduler, routing, clock, events: sink, settings });
      const page = await control.list({}, 1000);
      assert.ok(page.entries.length >= 2, String(page.entries.length));
      assertShown(pageText({ ...page, next: hostile }, 0));
      for (const entry of page.entries) {
        assertShown(entryText(entry, 0));
        const { item, message } = entry;
        const origin = {
          session: hostile,
          listener: hostile,
          remoteAddress: hostile,
          helo: hostile,
          user: hostile,
        };
        const reason = { kind: 'refused', plugin: hostile, status: '5.0.0', text: hostile } as const;
        assertShown(
          entryText({ item: { ...item, id: hostile, reason }, message: { ...message, origin } }, 0),
        );
      }
      assertShown(summaryText(await control.summary({}), 0, 100));
      const events = house.log.lines.map(({ text, fields }) => ({
        at: 0,
        name: text as EventName,
        facts: fields,
      }));
      assertShown(storyText({ session: hostile, events: events.slice(0, 100) }));
      assertShown(storyText({ message: hostile, events }));
    });

    test('has commands that repeat nothing to a terminal', async () => {
      // No shell can give a NUL.
      for (const given of [
        [hostile],
        ['help', hostile],
        ['queue', hostile],
        ['queue', 'list', '--state', hostile],
        ['queue', 'show', hostile, '--socket', `/nonexistent/${hostile.slice(0, 50)}`],
        ['why', hostile, '--socket', `/nonexistent/${hostile.slice(0, 50)}`],
        ['check', '--config', hostile],
        [`--${hostile}`],
        ['queue', 'list', `--${hostile}`],
      ]) {
        const { out, said } = await inProcess(given);
        assertShown(out);
        assertShown(said);
      }
    });

    test('writes a Received field, a reply and lines for people that are what they should be', () => {
      const field = receivedField({
        origin: { session: 's', helo: hostile, remoteAddress: hostile, protocol: 'ESMTP' },
        tls: {
          version: hostile,
          cipher: hostile,
          client: { subject: `CN=${hostile}`, fingerprint: hostile, verified: false },
        } as never,
        smtputf8: true,
        hostname: 'house.example',
        id: 'x',
        recipient: undefined,
        date: 'now',
      });
      assert.match(field, /^Received: [ -~]*(?:\r\n\t[ -~]*)*\r\n$/);
      for (const status of [undefined, '5.7.1'] as const)
        assertReplies(formatReply(reply(550, status, hostile, hostile)));
      assertShown(visibleLines(hostile).replaceAll('\t', ' '));
    });
  });
}
