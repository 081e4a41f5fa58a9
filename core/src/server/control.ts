// The control socket: HTTP and JSON over a Unix socket of the server's owner, for `posthouse queue`.
// Routes and checks of what comes in; what is done with the queue is QueueControl's.

import { chmodSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';
import { PosthouseError, type QueueFilter, type Trace } from '../contract/index.ts';
import type { QueueControl } from '../delivery/index.ts';

/** What a summary is on the wire. */
export type { DestinationFigures, QueueFigures, QueueSummary } from '../delivery/index.ts';

/** What may be done with the queue of a running server. */
export type QueueActions = Pick<QueueControl, 'list' | 'summary' | 'show' | 'retry' | 'release' | 'drop'>;

/** Octets of a request; a thousand ids fit in. */
const MAX_BODY = 65_536;
const MAX_PAGE = 1000;
const FILTER_KEYS = [
  'message',
  'item',
  'transport',
  'destination',
  'state',
  'reason',
  'sender',
  'recipient',
] as const;
const STATES = ['waiting', 'held'];
const REASONS = ['fresh', 'no-route', 'deferred', 'refused', 'quarantined', 'asked-by-operator'];

class BadRequest extends Error {
  readonly status: number;

  constructor(text: string, status = 400) {
    super(text);
    this.status = status;
  }
}

export class ControlServer {
  readonly #path: string;
  readonly #queue: QueueActions;
  readonly #trace: Trace | undefined;
  #server: Server | undefined;

  constructor(path: string, queue: QueueActions, trace?: Trace) {
    this.#path = path;
    this.#queue = queue;
    this.#trace = trace;
  }

  /** Listens, for the owner of the process alone. Rejects with `listen-failed`, also where another server answers. */
  async start(): Promise<void> {
    const path = this.#path;
    const server = createServer((request, response) => void this.#respond(request, response));
    server.requestTimeout = 30_000;
    try {
      if (await answers(path)) throw new Error('another running server has it');
      mkdirSync(dirname(path), { recursive: true });
      removeStale(path);
      await listen(server, path);
    } catch (error) {
      throw failed(path, error instanceof Error ? error.message : String(error), error);
    }
    this.#server = server;
  }

  /** Closes the socket and takes its file away. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      send(response, 200, await this.#answer(request));
    } catch (error) {
      const status = error instanceof BadRequest ? error.status : 500;
      send(response, status, { error: error instanceof Error ? error.message : String(error) });
    }
  }

  async #answer(request: IncomingMessage): Promise<object> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://control');
    const action = `${request.method} ${pathname}`;
    if (action === 'GET /queue') {
      const { after, limit, ...filter } = Object.fromEntries(searchParams);
      return this.#queue.list(filterOf(filter), limitOf(limit), after);
    }
    if (action === 'GET /queue/summary')
      return this.#queue.summary(filterOf(Object.fromEntries(searchParams)));
    if (action === 'POST /queue/retry')
      return this.#forAll(await bodyOf(request), (filter) => this.#queue.retry(filter));
    if (action === 'POST /queue/release')
      return this.#forAll(await bodyOf(request), (filter) => this.#queue.release(filter));
    if (action === 'POST /queue/drop')
      return this.#forAll(await bodyOf(request), (filter) => this.#queue.drop(filter));
    if (request.method === 'GET' && pathname.startsWith('/queue/')) {
      return this.#show(decodeURIComponent(pathname.slice('/queue/'.length)));
    }
    if (action === 'GET /why') return this.#why(searchParams);
    throw new BadRequest(`there is no ${action} here`, 404);
  }

  async #why(given: URLSearchParams): Promise<object> {
    if (this.#trace === undefined)
      throw new BadRequest('nothing is traced: add @posthouse/observe-trace to the plugins', 404);
    const word = given.get('word');
    if (word === null || word === '') throw new BadRequest('word must say what is asked about');
    return { stories: await this.#trace.find(word, limitOf(given.get('limit') ?? undefined)) };
  }

  /** An item, or every item of a message. */
  async #show(id: string): Promise<object> {
    const entry = await this.#queue.show(id);
    if (entry?.item.id === id) return { entries: [entry] };
    const { entries } = await this.#queue.list({ message: id }, MAX_PAGE);
    if (entries.length === 0) throw new BadRequest('nothing in the queue has this id', 404);
    return { entries };
  }

  async #forAll(body: unknown, act: (filter: QueueFilter) => Promise<number>): Promise<object> {
    if (typeof body !== 'object' || body === null) throw new BadRequest('the body must be a JSON object');
    const { filter, ids } = body as { readonly filter?: unknown; readonly ids?: unknown };
    if (filter !== undefined) {
      if (typeof filter !== 'object' || filter === null) throw new BadRequest('filter must be an object');
      return { count: await act(filterOf(filter as Record<string, unknown>)), missing: [] };
    }
    if (!Array.isArray(ids) || !ids.every((id) => typeof id === 'string')) {
      throw new BadRequest('the body must have a filter or a list of ids');
    }
    let count = 0;
    const missing: string[] = [];
    for (const id of ids as readonly string[]) {
      const done = (await act({ item: id })) || (await act({ message: id }));
      if (done === 0) missing.push(id);
      count += done;
    }
    return { count, missing };
  }
}

function filterOf(given: Readonly<Record<string, unknown>>): QueueFilter {
  const filter: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given)) {
    if (key === 'arrivedBefore') filter[key] = timeOf(value);
    else if (!(FILTER_KEYS as readonly string[]).includes(key))
      throw new BadRequest(`the queue cannot be filtered by ${key}`);
    else if (typeof value !== 'string') throw new BadRequest(`${key} must be a string`);
    else filter[key] = value;
  }
  const { state, reason } = filter;
  if (state !== undefined && !STATES.includes(state as string))
    throw new BadRequest(`state must be one of ${STATES.join(', ')}`);
  if (reason !== undefined && !REASONS.includes(reason as string))
    throw new BadRequest(`reason must be one of ${REASONS.join(', ')}`);
  return filter as QueueFilter;
}

function timeOf(value: unknown): number {
  const time = value === '' ? Number.NaN : Number(value);
  if (!Number.isFinite(time)) throw new BadRequest('arrivedBefore must be milliseconds since the epoch');
  return time;
}

function limitOf(value: string | undefined): number {
  const limit = value === undefined ? 100 : Number(value);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE)
    throw new BadRequest(`limit must be 1 to ${MAX_PAGE}`);
  return limit;
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) throw new BadRequest(`the body is larger than ${MAX_BODY} octets`, 413);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new BadRequest('the body is not JSON');
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

/** Whether somebody listens there: the file alone may be what a killed server left. Rejects where that cannot be told. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      else reject(error);
    });
  });
}

/** Removes the socket of a dead server, and nothing that is not a socket. */
function removeStale(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket()) unlinkSync(path);
}

/** The mask closes the moment between the making of the file and its mode. */
function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const mask = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.off('error', reject);
        chmodSync(path, 0o600);
        resolve();
      });
    } finally {
      process.umask(mask);
    }
  });
}

function failed(path: string, why: string, cause?: unknown): PosthouseError {
  return new PosthouseError('listen-failed', `the control socket ${path} cannot be used: ${why}`, { cause });
}
