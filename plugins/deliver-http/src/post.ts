// One request over HTTP/1.1: its body streamed as the endpoint takes it, and the beginning of the answer.
// A timer that every movement restarts bounds the silence; the answer's own octets do not restart it.

import { type Agent, type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Clock } from '@posthouse/core';
import type { Answer } from './outcome-of-answer.ts';
import type { Payload } from './payload.ts';

export interface Post {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Payload;
  readonly agent: Agent;
  readonly ca: string | undefined;
  /** Milliseconds. */
  readonly silence: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** No answer came. */
export interface NoAnswer {
  readonly problem: string;
  /** The whole body was out: the endpoint may have the message. */
  readonly sent: boolean;
  /** The endpoint's certificate was not accepted. */
  readonly untrusted: boolean;
  /** A kept connection had ended already: worth another try at once. */
  readonly stale: boolean;
}

/** Octets of the answer's body that are read. */
const MAX_ANSWER = 4096;

/** Rejects only when the message itself cannot be read. */
export function post(what: Post): Promise<Answer | NoAnswer> {
  return new Promise((resolve, reject) => {
    const { url, payload, clock, silence, signal } = what;
    const ask = url.protocol === 'https:' ? requestHttps : requestHttp;
    const request = ask(url, {
      method: 'POST',
      agent: what.agent,
      headers: { ...what.headers, 'content-type': payload.type, 'content-length': payload.length },
      ...(what.ca !== undefined && { ca: what.ca }),
    });
    let answer: Answer | undefined;
    const end = (settle: () => void): void => {
      timer.stop();
      signal.removeEventListener('abort', abort);
      settle();
    };
    const failed = (problem: string, error?: NodeJS.ErrnoException): void =>
      end(() => {
        const untrusted = error !== undefined && isUntrusted(request, error);
        const stale = request.reusedSocket && error?.code === 'ECONNRESET';
        resolve(answer ?? { problem, sent: request.writableFinished, untrusted, stale });
      });
    const timer = clock.after(silence, () => {
      failed(`nothing moved for ${Math.round(silence / 1000)} seconds`);
      request.destroy();
    });
    const abort = (): void => {
      failed('the attempt was aborted');
      request.destroy();
    };
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    request.on('error', (error: NodeJS.ErrnoException) => failed(error.message || String(error.code), error));
    request.on('response', (response) => {
      answer = answerOf(response, '');
      timer.restart();
      readBeginning(response, (body) => {
        end(() => resolve(answerOf(response, body)));
        // An answer before the end of the body decides; what is not sent by then never is.
        if (!request.writableFinished || !response.complete) request.destroy();
      });
    });
    const body = Readable.from(
      watched(payload, () => timer.restart()),
      { objectMode: false },
    );
    // Trouble of the connection is the request's; what is left is that of the message.
    pipeline(body, request).catch((error: unknown) => {
      if (error instanceof MessageTrouble) end(() => reject(error.cause));
      request.destroy();
    });
  });
}

class MessageTrouble extends Error {}

async function* watched(payload: Payload, moved: () => void): AsyncIterable<Uint8Array> {
  let left = payload.length;
  try {
    for await (const chunk of payload.open()) {
      left -= chunk.length;
      yield chunk;
      moved();
    }
  } catch (cause) {
    throw new MessageTrouble('the message cannot be read', { cause });
  }
  if (left !== 0) {
    const cause = new Error('the stored message has not the size that it should have');
    throw new MessageTrouble(cause.message, { cause });
  }
}

function answerOf({ statusCode = 0, statusMessage = '', headers }: IncomingMessage, body: string): Answer {
  return { status: statusCode, phrase: statusMessage, retryAfter: headers['retry-after'], body };
}

function readBeginning(response: IncomingMessage, then: (body: string) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  let over = false;
  const done = (): void => {
    if (over) return;
    over = true;
    then(Buffer.concat(chunks).subarray(0, MAX_ANSWER).toString('utf8'));
  };
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= MAX_ANSWER) done();
  });
  response.on('end', done).on('error', done).on('close', done);
}

function isUntrusted({ socket }: ClientRequest, { code = '' }: NodeJS.ErrnoException): boolean {
  const refused = (socket as { authorizationError?: unknown } | null)?.authorizationError;
  return refused !== undefined && refused !== null
    ? true
    : /^(ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/.test(code);
}
