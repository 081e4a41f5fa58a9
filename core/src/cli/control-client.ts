// Talks to the running server over its control socket.

import { type IncomingMessage, request } from 'node:http';
import { PosthouseError } from '../contract/index.ts';

/** Octets of an answer: a page of a thousand entries fits in many times. */
const MAX_ANSWER = 256 * 1024 * 1024;

/** The server understood and says no: nothing has this id, say. */
export class Refused extends Error {}

/** @returns the parsed JSON. Rejects with `control-unavailable` when nobody answers, with Refused when the answer is no. */
export async function ask(
  socketPath: string,
  method: 'GET' | 'POST',
  path: string,
  body?: object,
): Promise<unknown> {
  const response = await answerTo(socketPath, method, path, body);
  const answer = await jsonOf(response, socketPath);
  if (response.statusCode === 200) return answer;
  throw refused(response, answer);
}

/**
 * The octets of an answer as they come. Rejects as `ask` does; reading them fails where the server breaks off.
 */
export async function octetsOf(socketPath: string, path: string): Promise<AsyncIterable<Uint8Array>> {
  const response = await answerTo(socketPath, 'GET', path);
  if (response.statusCode === 200) return response;
  throw refused(response, await jsonOf(response, socketPath));
}

function answerTo(
  socketPath: string,
  method: 'GET' | 'POST',
  path: string,
  body?: object,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const sent = request({ socketPath, method, path, headers }, resolve);
    sent.on('error', (error: NodeJS.ErrnoException) =>
      reject(unreachable(socketPath, error.code ?? error.message, error)),
    );
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function jsonOf(response: IncomingMessage, socketPath: string): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_ANSWER) throw new Error('the answer is too large');
      chunks.push(chunk);
    }
  } catch (error) {
    throw unreachable(socketPath, (error as Error).message, error);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (error) {
    throw unreachable(socketPath, 'what answers there is no Posthouse', error);
  }
}

function refused({ statusCode }: IncomingMessage, answer: unknown): Refused {
  return new Refused((answer as { readonly error?: string }).error ?? `status ${statusCode}`);
}

function unreachable(socketPath: string, why: string, cause: unknown): PosthouseError {
  return new PosthouseError(
    'control-unavailable',
    `no server answers on ${socketPath}: ${why}. Is it running, with this configuration and as this user?`,
    { cause },
  );
}
