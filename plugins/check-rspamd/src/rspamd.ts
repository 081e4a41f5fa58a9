// One question to rspamd over HTTP: the message as the body, what is known of its envelope as header fields.

import { Agent, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type DataAsked, note } from '@posthouse/core';
import { type Judgement, readAnswer } from './answer.ts';
import type { Config } from './config.ts';

/** Where check-client stands before: a name of the client's address that leads back to it. */
const REVERSE_NAME = note<{ readonly confirmed: string | null }>('check-client/reverse-name');
/** Octets of an answer that are read. */
const MAX_ANSWER = 1024 * 1024;

export class Rspamd {
  readonly #agent: Agent;
  readonly #where: RequestOptions;
  readonly #secure: boolean;

  constructor({ url, password, scans }: Pick<Config, 'url' | 'password' | 'scans'>) {
    const path = url.startsWith('unix:') ? url.replace(/^unix:(\/\/)?/, '') : undefined;
    const at = path === undefined ? new URL(url) : undefined;
    this.#secure = at?.protocol === 'https:';
    const options = { keepAlive: true, maxSockets: scans, maxFreeSockets: scans };
    this.#agent = this.#secure ? new SecureAgent(options) : new Agent(options);
    this.#where = {
      agent: this.#agent,
      method: 'POST',
      path: '/checkv2',
      ...(at === undefined
        ? { socketPath: path }
        : { host: at.hostname.replace(/^\[(.*)\]$/, '$1'), port: at.port || (this.#secure ? 443 : 80) }),
      ...(password !== undefined && { headers: { Password: password } }),
    };
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Rejects where rspamd cannot be reached, does not answer until the signal comes, or answers nonsense. */
  async judge(asked: DataAsked, hostname: string, signal: AbortSignal): Promise<Judgement> {
    const sent = (this.#secure ? secureRequest : request)({ ...this.#where, signal });
    for (const [name, value] of fieldsOf(asked, hostname)) sent.setHeader(name, value);
    sent.setHeader('Content-Length', asked.message.size);
    const answered = new Promise<string>((resolve, reject) => {
      sent.on('error', reject);
      sent.on('response', (response) => textOf(response).then(resolve, reject));
    });
    // An answer that comes early, or an error, ends the sending; which of them it was, `answered` says.
    const sending = pipeline(Readable.from(asked.message.open(), { objectMode: false }), sent).catch(
      () => {},
    );
    const text = await answered;
    await sending;
    const judgement = readAnswer(text);
    if (judgement === undefined) throw new Error(`rspamd answered what is no answer: ${text.slice(0, 100)}`);
    return judgement;
  }
}

/** Rspamd's protocol, "HTTP headers". Values came from outside: what cannot stand in a field of HTTP is left out. */
function fieldsOf(
  { session, sender, recipients, notes }: DataAsked,
  hostname: string,
): readonly (readonly [name: string, value: string | string[]])[] {
  const reverse = notes.get(REVERSE_NAME)?.confirmed;
  const { tls } = session;
  const fields: readonly (readonly [string, string | undefined])[] = [
    ['IP', session.remoteAddress.replace(/^::ffff:(?=\d+\.)/, '')],
    ['Helo', session.helo],
    ['Hostname', reverse ?? undefined],
    ['From', sender?.toString() ?? ''],
    ['User', session.user],
    ['MTA-Name', hostname],
    ['Queue-Id', session.id],
    ['TLS-Version', tls?.version],
    ['TLS-Cipher', tls?.cipher],
  ];
  const rcpt = recipients.map((each) => inHttp(each.toString())).filter((each) => each !== undefined);
  return [
    ...fields.flatMap(([name, value]) => {
      const sendable = value === undefined ? undefined : inHttp(value);
      return sendable === undefined ? [] : [[name, sendable] as const];
    }),
    ['Rcpt', rcpt],
  ];
}

/** Octets of UTF-8, one character each, as Node writes header fields. */
function inHttp(value: string): string | undefined {
  const octets = Buffer.from(value, 'utf8').toString('latin1');
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(octets) ? octets : undefined;
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_ANSWER) {
      response.destroy();
      throw new Error('rspamd answered without end');
    }
    chunks.push(chunk);
  }
  if (response.statusCode !== 200) throw new Error(`rspamd answered ${response.statusCode}`);
  return Buffer.concat(chunks).toString('utf8');
}
