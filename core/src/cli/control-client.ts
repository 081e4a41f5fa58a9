// Talks to the running server over its control socket.

import { request } from 'node:http';
import { PosthouseError } from '../contract/index.ts';

/** Octets of an answer: a page of a thousand entries fits in many times. */
const MAX_ANSWER = 256 * 1024 * 1024;

/** The server understood and says no: nothing has this id, say. */
export class Refused extends Error {}

/** @returns the parsed JSON. Rejects with `control-unavailable` when nobody answers, with Refused when the answer is no. */
export function ask(
  socketPath: string,
  method: 'GET' | 'POST',
  path: string,
  body?: object,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const unreachable = (why: string, cause?: unknown): void =>
      reject(
        new PosthouseError(
          'control-unavailable',
          `no server answers on ${socketPath}: ${why}. Is it running, with this configuration and as this user?`,
          { cause },
        ),
      );
    const sent = request(
      { socketPath, method, path, headers: { 'content-type': 'application/json' } },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > MAX_ANSWER) sent.destroy(new Error('the answer is too large'));
          else chunks.push(chunk);
        });
        response.on('error', (error) => unreachable(error.message, error));
        response.on('end', () => {
          try {
            const answer: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
            if (response.statusCode === 200) resolve(answer);
            else
              reject(
                new Refused((answer as { readonly error?: string }).error ?? `status ${response.statusCode}`),
              );
          } catch (error) {
            unreachable('what answers there is no Posthouse', error);
          }
        });
      },
    );
    sent.on('error', (error: NodeJS.ErrnoException) => unreachable(error.code ?? error.message, error));
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
