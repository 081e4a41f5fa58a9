// Clients that want to hurt, while others only want to send mail: those notice nothing, memory stays flat, the attackers
// are shut out, and what arrives is what had its 250.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CERTIFICATE } from '../support/certificate.ts';
import { untilQueueIsEmpty } from '../support/control.ts';
import type { Behaviour, Crowd, CrowdLine } from '../support/crowd.ts';
import { CrowdProcess } from '../support/crowd-process.ts';
import { CONTROL, DOMAIN, durableHouse, MAIL } from '../support/durable-house.ts';
import { Ledger, messagesIn } from '../support/ledger.ts';
import { sendOrdinaryMail } from '../support/ordinary-mail.ts';
import { Random, seedFromEnvironment } from '../support/random.ts';
import { lacks, missingFiles, missingLinux } from '../support/requirements.ts';
import { ServerProcess, TemporaryFolder } from '../support/server-process.ts';

const MIB = 1024 * 1024;
/** Milliseconds from the connection to the 250. Alone it takes a few; the attackers share the processors with it. */
const PATIENCE = 3000;
/** Milliseconds after which the attackers must be gone: the window of the rate or the handshake's time, and some. */
const SHUT_OUT = 30_000;
/** Octets that the server may grow by in the second round of attacks, when it has met all of them once. */
const FLAT = 50 * MIB;
/** Octets, whatever is going on. */
const BOUND = 450 * MIB;
const RECIPIENT = `box1@${DOMAIN}`;

interface Attack {
  readonly what: string;
  readonly behaviour: Behaviour;
  readonly count: number;
  readonly listener?: string;
  /** How each of them hears that it is over; undefined where there is nobody who could read a reply. */
  readonly lastReply: string;
}

const ATTACKS: readonly Attack[] = [
  {
    what: '1,000 clients that send a command octet by octet',
    behaviour: 'slow-command',
    count: 1000,
    lastReply: '421',
  },
  {
    what: '1,000 clients that send a message octet by octet',
    behaviour: 'slow-message',
    count: 1000,
    lastReply: '421',
  },
  {
    what: '100 clients that send 10,000 RSETs each',
    behaviour: 'rsets',
    count: 100,
    lastReply: '421',
  },
  {
    what: '1,000 clients that send garbage for a TLS handshake',
    behaviour: 'tls-garbage',
    count: 1000,
    listener: 'mxs',
    lastReply: 'none',
  },
  {
    what: '1,000 clients that stop in the middle of a TLS handshake',
    behaviour: 'tls-half-open',
    count: 1000,
    listener: 'mxs',
    lastReply: 'none',
  },
  {
    what: '5 clients that send 64 MiB without a line end as a command',
    behaviour: 'endless-command',
    count: 5,
    lastReply: '421',
  },
  {
    what: '5 clients that send 64 MiB without a line end as a message',
    behaviour: 'endless-message',
    count: 5,
    lastReply: '421',
  },
];

const house = durableHouse({
  listeners: [
    { name: 'mx', host: '127.0.0.1', port: 0, tls: 'none' },
    { name: 'mxs', host: '127.0.0.1', port: 0, tls: 'implicit' },
  ],
  tls: CERTIFICATE,
  limits: { headerSize: '1 MiB' },
  deadlines: { rateWindow: '4s', tlsHandshake: '4s', command: '4s', data: '4s' },
});

test('hostile clients are shut out, and nobody else notices', async (t) => {
  if (lacks(t, missingLinux() ?? missingFiles(2000))) return;
  const seed = seedFromEnvironment();
  t.diagnostic(`POSTHOUSE_SEED=${seed}`);
  using folder = new TemporaryFolder('posthouse-hostile');
  await using server = await ServerProcess.start(folder.path, house);
  const ledger = new Ledger(new Random(seed), 64 * 1024);
  const mailWhile = (until: Promise<unknown>) => sendOrdinaryMail(server.port, ledger, RECIPIENT, until);
  const alone = await mailWhile(new Promise((resolve) => setTimeout(resolve, 3000)));
  t.diagnostic(`alone: ${alone.transactions} transactions, the slowest ${alone.slowest.toFixed(0)} ms`);
  const peaks: number[] = [];
  for (const round of ['first', 'second']) {
    server.forgetPeak();
    for (const { what, behaviour, count, listener = 'mx', lastReply } of ATTACKS) {
      const crowd = { port: server.portOf(listener), count, behaviour, subnet: 20 };
      const attacked = attack(crowd);
      const [{ lastReplies }, mail] = await Promise.all([attacked, mailWhile(attacked)]);
      t.diagnostic(
        `${round} time, ${what}: ${mail.transactions} ordinary transactions, the slowest ${mail.slowest.toFixed(0)} ms; ${mb(server.memory().now)} MB`,
      );
      assert.deepEqual(lastReplies, { [lastReply]: count }, what);
      assert.ok(
        mail.slowest < PATIENCE,
        `${what}: an ordinary transaction took ${mail.slowest.toFixed(0)} ms`,
      );
    }
    peaks.push(server.memory().peak);
  }
  const [first = 0, second = 0] = peaks;
  t.diagnostic(`peak of the first round ${mb(first)} MB, of the second ${mb(second)} MB`);
  assert.ok(
    second - first < FLAT,
    `the second round made the server grow from ${mb(first)} to ${mb(second)} MB`,
  );
  assert.ok(second < BOUND, `the peak is ${mb(second)} MB`);

  await untilQueueIsEmpty(folder.join(CONTROL));
  await server.stop();
  const { lost, damaged, unpromised } = ledger.compare(folder.join(MAIL));
  assert.deepEqual({ lost, damaged, unpromised }, { lost: [], damaged: [], unpromised: 0 });
  assert.equal(messagesIn(folder.join(MAIL)).length, ledger.promised, 'and nothing of the attackers');
});

/** Resolves when the whole crowd has been shut out. */
async function attack(crowd: Crowd): Promise<CrowdLine> {
  await using gathered = await CrowdProcess.gather(crowd);
  return await gathered.until('shut-out', SHUT_OUT);
}

function mb(octets: number): string {
  return (octets / MIB).toFixed(0);
}
