// The queue in the operator's hand, as he has it: the command, a running server, a durable queue, real next hops.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import type { QueueEntry } from '@posthouse/core';
import { untilQueueIsEmpty } from '../support/control.ts';
import { durableStore } from '../support/durable-house.ts';
import { ROOT, ServerProcess, TemporaryFolder } from '../support/server-process.ts';
import { serveHop } from '../support/small-hop.ts';
import { sendRaw } from './send-raw.ts';

interface Ended {
  readonly code: number | null;
  readonly out: Buffer;
  readonly said: string;
}

function posthouseQueue(folder: string, ...given: readonly string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const cli = `${ROOT}core/dist/src/cli/main.js`;
    const args = [cli, 'queue', ...given, '--config', `${folder}/posthouse.yaml`];
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out: Buffer.concat(out), said }));
  });
}

/** A next hop that keeps messages, and gives no 250 for those that say so until it is told. */
class PatientHop {
  readonly messages: string[] = [];
  #answer: (() => void) | undefined;
  #asked: (() => void) | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => {
    this.#sockets.add(socket);
    serveHop(socket, (message, answer) => {
      this.messages.push(message.toString('latin1'));
      if (!message.includes('Subject: slow')) answer();
      else {
        this.#answer = answer;
        this.#asked?.();
      }
    });
  });

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as { port: number }).port;
  }

  /** Resolves when a message waits for its 250. */
  async asked(): Promise<void> {
    if (this.#answer !== undefined) return;
    await new Promise<void>((resolve) => {
      this.#asked = resolve;
    });
  }

  answer(): void {
    this.#answer?.();
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

const ODD = 'Subject: odd\r\nX-Bytes: \xe9\xff\r\n folded\r\n\r\n.\r\n..dots\r\n\xe9\xff tail\r\n\r\nend';

test('an operator looks, reads, holds, releases, reroutes, returns and drops while the server runs', {
  timeout: 60_000,
}, async () => {
  using folder = new TemporaryFolder('queue');
  using hop = new PatientHop();
  const port = await hop.listen();
  await using server = await ServerProcess.start(folder.path, {
    delivery: { retryAfter: ['1h'], laneRest: '1h' },
    plugins: [
      durableStore(),
      { use: '@posthouse/accept-networks', config: { networks: ['127.0.0.0/8'] } },
      {
        use: '@posthouse/deliver-smtp',
        // Nobody listens on port 1.
        config: {
          routes: {
            'dead.test': '[127.0.0.1]:1',
            'slow.test': `[127.0.0.1]:${port}`,
            'client.test': `[127.0.0.1]:${port}`,
          },
        },
      },
    ],
  });
  const run = (...given: readonly string[]) => posthouseQueue(folder.path, ...given);
  const entries = async (...given: readonly string[]) => {
    const { code, out } = await run('list', '--json', ...given);
    assert.equal(code, 0);
    return (JSON.parse(String(out)) as { entries: readonly QueueEntry[] }).entries;
  };
  const says = async (given: readonly string[], out: RegExp, code = 0) => {
    const ended = await run(...given);
    assert.match(`${ended.out}${ended.said}`, out, given.join(' '));
    assert.equal(ended.code, code, `${given.join(' ')}: ${ended.out}${ended.said}`);
  };

  const content = Buffer.from(`${ODD}\r\n`, 'latin1');
  await sendRaw(server.port, 'ann@client.test', ['odd@dead.test'], content);
  const plain = Buffer.from('Subject: plain\r\n\r\nHello\r\n');
  for (const to of ['a', 'b', 'c']) await sendRaw(server.port, 'ann@client.test', [`${to}@dead.test`], plain);
  await server.until(({ msg }) => msg === 'message-queued');

  // Reading: octet for octet, on standard output and into a file that is never written over.
  const [odd] = await entries('--recipient', 'odd@dead.test');
  const id = odd?.message.id ?? '';
  const whole = (await run('body', id)).out;
  assert.ok(whole.subarray(-content.length).equals(content));
  assert.equal(whole.length, odd?.message.size);
  const header = (await run('body', id, '--header')).out;
  assert.ok(header.equals(whole.subarray(0, whole.indexOf('\r\n\r\n') + 4)));
  await says(['body', id, '--output', 'odd.eml'], /^$/);
  assert.ok(readFileSync(folder.join('odd.eml')).equals(whole));
  writeFileSync(folder.join('mine.eml'), 'mine');
  await says(['body', id, '--output', 'mine.eml'], /it exists already/, 2);
  assert.equal(readFileSync(folder.join('mine.eml'), 'utf8'), 'mine');
  await says(['body', 'nothing'], /nothing in the queue has this id/, 1);

  // Changing many needs a filter, what cannot be taken back a yes; a dry run shows and changes nothing.
  await says(['drop'], /takes ids, or filters, or --all/, 2);
  await says(['drop', '--recipient', '@dead.test'], /4 items would be dropped: say --yes/, 2);
  await says(
    ['drop', '--recipient', '@dead.test', '--dry-run'],
    /odd@dead\.test[\s\S]*4 items would be dropped/,
  );
  await says(['hold', '--sender', 'ann@client.test'], /^4 items held$/m);
  assert.equal((await entries('--state', 'held', '--reason', 'held-by-operator')).length, 4);
  await says(['summary'], /127\.0\.0\.1\]:1 +0 +4/);
  await says(['release', '--recipient', 'c@dead.test'], /^1 item released$/m);
  await says(['show', id], /why +held by an operator/);

  // To a next hop that lives.
  const to = ['--to', `127.0.0.1:${port}`];
  await says(['reroute', '--recipient', 'odd@dead.test', '--to', 'not a hop'], /knows no next hop/, 1);
  await says(['reroute', '--recipient', 'odd@dead.test', ...to], /^1 item rerouted$/m);
  assert.equal(hop.messages.length, 0);
  await says(['release', id], /^1 item released$/m);
  await server.until(
    ({ msg, message, outcome }) =>
      msg === 'recipient-settled' && message === id && JSON.stringify(outcome).includes('delivered'),
  );
  // As it travels: with the dots stuffed.
  assert.ok(hop.messages[0]?.includes('\r\n...dots\r\n\xe9\xff tail\r\n\r\nend\r\n'));

  // Back to the sender.
  await says(
    ['bounce', '--recipient', 'a@dead.test', '--text', 'Not in this house', '--yes'],
    /^1 item returned to the sender$/m,
  );
  const notice = await server.until(({ msg }) => msg === 'notice-queued');
  await server.until(({ msg, message }) => msg === 'recipient-settled' && message === notice.message);
  assert.match(hop.messages[1] ?? '', /Not in this house/);

  // What is being delivered is left alone, and the answer says so.
  await sendRaw(
    server.port,
    'ann@client.test',
    ['joe@slow.test'],
    Buffer.from('Subject: slow\r\n\r\nHello\r\n'),
  );
  await hop.asked();
  const [slow] = await entries('--recipient', 'joe@slow.test');
  await says(['show', slow?.item.id ?? ''], /it is being delivered now/);
  await says(
    ['hold', slow?.item.id ?? ''],
    /0 items held[\s\S]*was being delivered at this moment, and left alone/,
    1,
  );
  hop.answer();
  await server.until(({ msg, message }) => msg === 'recipient-settled' && message === slow?.message.id);

  await says(['drop', '--all', '--yes'], /items dropped/);
  await untilQueueIsEmpty(folder.join('var/control.sock'));
  await server.stop();
});
