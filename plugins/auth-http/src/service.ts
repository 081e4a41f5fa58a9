// One question to the web service, and what its answer means. Whatever is no clear answer is a throw, which is 454.

import { isIP } from 'node:net';
import { type Clock, type LoginAsked, type LoginResult, PosthouseError } from '@posthouse/core';

export interface ServiceConfig {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly insecure: boolean;
  readonly timeout: number;
  readonly requests: number;
  readonly answerSize: number;
}

export interface Inquiry {
  readonly kind: 'password' | 'token';
  readonly asked: LoginAsked;
}

export class Service {
  readonly #config: ServiceConfig;
  readonly #clock: Clock;
  #running = 0;

  constructor(config: ServiceConfig, clock: Clock) {
    this.#config = config;
    this.#clock = clock;
  }

  /** Throws where passwords would travel in clear. */
  check(): void {
    const url = new URL(this.#config.url);
    if (url.protocol === 'https:' || this.#config.insecure || isLoopback(url.hostname)) return;
    const text = `passwords would travel in clear to ${url.host}; use https:, or say insecure: true`;
    throw new PosthouseError('plugin-start-failed', text);
  }

  async ask({ kind, asked }: Inquiry, secret: string): Promise<LoginResult | undefined> {
    if (this.#running >= this.#config.requests) throw new Error('too many requests are under way');
    this.#running += 1;
    const late = new AbortController();
    const timer = this.#clock.after(this.#config.timeout, () =>
      late.abort(new Error(`no answer within ${this.#config.timeout} ms`)),
    );
    try {
      const { user, mechanism, session } = asked;
      const response = await fetch(this.#config.url, {
        method: 'POST',
        headers: { accept: 'application/json', ...this.#config.headers, 'content-type': 'application/json' },
        body: JSON.stringify({
          user,
          [kind]: secret,
          mechanism,
          listener: session.listener,
          remoteAddress: session.remoteAddress,
          tls: session.tls !== undefined,
        }),
        // A password goes where the configuration says, and nowhere else.
        redirect: 'error',
        signal: AbortSignal.any([asked.signal, late.signal]),
      });
      const body = await limited(response, this.#config.answerSize);
      return meaning(response.status, body, user);
    } catch (error) {
      throw late.signal.aborted ? late.signal.reason : plain(error);
    } finally {
      timer.stop();
      this.#running -= 1;
    }
  }
}

/** What fetch throws says `fetch failed`; its cause says why. */
function plain(error: unknown): unknown {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error ? cause : error;
}

/** 2xx is yes, 404 a user that is not known, 401 and 403 a wrong password or a user who may not; all else is no answer. */
function meaning(status: number, body: string, user: string): LoginResult | undefined {
  if (status === 404) return undefined;
  const answer = parsed(body);
  if (status === 401 || status === 403) {
    const { reason } = answer;
    return { refused: typeof reason === 'string' && /^[a-z-]{1,40}$/.test(reason) ? reason : 'refused' };
  }
  if (status < 200 || status > 299) throw new Error(`the service answered ${status}`);
  // A web server's page for all that it does not know is 200, too.
  if (body.trim() !== '' && Object.keys(answer).length === 0 && body.trim() !== '{}')
    throw new Error('the service answered something that is no JSON object');
  if (answer.user === undefined) {
    if (user === '') throw new Error('the service did not say whose token it is');
    return { user };
  }
  if (typeof answer.user !== 'string') throw new Error('the service named a user that is no text');
  return { user: answer.user };
}

function parsed(body: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : {};
  } catch {
    return {};
  }
}

async function limited(response: Response, limit: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > limit) throw new Error(`the service answered with more than ${limit} octets`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function isLoopback(host: string): boolean {
  const plainHost = host.replace(/^\[|\]$/g, '');
  return (
    host === 'localhost' || plainHost === '::1' || (isIP(plainHost) === 4 && plainHost.startsWith('127.'))
  );
}
