// The control socket: HTTP and JSON over a Unix socket of the server's owner, for `posthouse queue`,
// `why` and `reload`.
// Routes; reading what comes in is control-requests.ts's, and what is done with the queue QueueControl's.

import { once } from 'node:events';
import { chmodSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PosthouseError, type QueueEntry, type QueueFilter, type Trace } from '../contract/index.ts';
import { QueueActRefused, type QueueControl } from '../delivery/index.ts';
import {
  type ActRequest,
  actRequestOf,
  BadRequest,
  bodyOf,
  filterOf,
  laneOf,
  limitOf,
  MAX_PAGE,
} from './control-requests.ts';

/** What a summary is on the wire. */
export type {
  DestinationFigures,
  LaneReport,
  QueueAct,
  QueueFigures,
  QueueSummary,
} from '../delivery/index.ts';

/** What may be done with the queue of a running server. */
export type QueueActions = Pick<
  QueueControl,
  'list' | 'summary' | 'show' | 'inDelivery' | 'content' | 'plan' | 'act' | 'suspend' | 'resume'
>;

/** What is said of the entries that have an id. */
export interface Shown {
  readonly entries: readonly QueueEntry[];
  /** Those of its items that are being delivered at the moment. */
  readonly inDelivery: readonly string[];
}

/** What an act has done, or with `dryRun` would do. */
export interface ActAnswer {
  readonly count: number;
  /** Items that were being delivered at that moment. */
  readonly busy: readonly string[];
  /** The ids that name nothing which the act concerns. */
  readonly missing: readonly string[];
  /** With `dryRun`: the first of the items. */
  readonly entries?: readonly QueueEntry[];
}

/** What is done with what is asked. */
export interface ControlServices {
  readonly queue: QueueActions;
  /** The trace that is kept now; undefined where none is. */
  readonly trace: () => Trace | undefined;
  /** Reads the configuration again. Rejects with a PosthouseError that says why it cannot be used. */
  readonly reload: () => Promise<object>;
}

/** Entries that a dry run shows. */
const MAX_SHOWN = 100;

export class ControlServer {
  readonly #path: string;
  readonly #queue: QueueActions;
  readonly #services: ControlServices;
  #server: Server | undefined;

  constructor(path: string, services: ControlServices) {
    this.#path = path;
    this.#queue = services.queue;
    this.#services = services;
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
      const content = /^\/queue\/([^/]+)\/(message|header)$/.exec(request.url ?? '');
      if (request.method === 'GET' && content !== null) {
        const [, id, part] = content as unknown as [string, string, 'message' | 'header'];
        await this.#content(decodeURIComponent(id), part, response);
      } else send(response, 200, await this.#answer(request));
    } catch (error) {
      if (response.headersSent) {
        response.destroy();
        return;
      }
      const status = statusOf(error);
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
    const act = /^POST \/queue\/([a-z]+)$/.exec(action)?.[1];
    if (act !== undefined) {
      const asked = actRequestOf(act, await bodyOf(request));
      if (asked !== undefined) return this.#act(asked);
    }
    if (request.method === 'GET' && pathname.startsWith('/queue/')) {
      return this.#show(decodeURIComponent(pathname.slice('/queue/'.length)));
    }
    if (action === 'POST /reload') return this.#services.reload();
    if (action === 'GET /why') return this.#why(searchParams);
    if (action === 'POST /lanes/suspend' || action === 'POST /lanes/resume') {
      const { destination, transport } = laneOf(await bodyOf(request));
      const change = pathname === '/lanes/suspend' ? 'suspend' : 'resume';
      return { lanes: await this.#queue[change](destination, transport) };
    }
    throw new BadRequest(`there is no ${action} here`, 404);
  }

  async #why(given: URLSearchParams): Promise<object> {
    const trace = this.#services.trace();
    if (trace === undefined)
      throw new BadRequest('nothing is traced: add @posthouse/observe-trace to the plugins', 404);
    const word = given.get('word');
    if (word === null || word === '') throw new BadRequest('word must say what is asked about');
    return { stories: await trace.find(word, limitOf(given.get('limit') ?? undefined)) };
  }

  /** An item, or every item of a message. */
  async #show(id: string): Promise<Shown> {
    const entry = await this.#queue.show(id);
    if (entry === undefined) throw new BadRequest('nothing in the queue has this id', 404);
    const entries =
      entry.item.id === id ? [entry] : (await this.#queue.list({ message: id }, MAX_PAGE)).entries;
    const inDelivery = entries.map(({ item }) => item.id).filter((item) => this.#queue.inDelivery(item));
    return { entries, inDelivery };
  }

  /** The octets of a message. What fails half-way cuts the connection, so that a part is not taken for the whole. */
  async #content(id: string, part: 'message' | 'header', response: ServerResponse): Promise<void> {
    const entry = await this.#queue.show(id);
    if (entry === undefined) throw new BadRequest('nothing in the queue has this id', 404);
    const octets = Readable.from(this.#queue.content(entry, part), { objectMode: false });
    // The first octets decide whether there is anything to send.
    await once(octets, 'readable');
    response.writeHead(200, { 'content-type': 'application/octet-stream' });
    await pipeline(octets, response);
  }

  async #act({ act, ids, filter, most, dryRun }: ActRequest): Promise<ActAnswer> {
    const busy: string[] = [];
    const missing: string[] = [];
    const entries: QueueEntry[] = [];
    let count = 0;
    const on = async (selected: QueueFilter): Promise<boolean> => {
      if (dryRun) {
        const plan = await this.#queue.plan(selected, act);
        count += plan.count;
        entries.push(...plan.entries.slice(0, MAX_SHOWN - entries.length));
        return plan.count > 0;
      }
      const report = await this.#queue.act(selected, act, most);
      count += report.count;
      busy.push(...report.busy);
      return report.count + report.busy.length > 0;
    };
    if (ids === undefined) await on(filter);
    else
      for (const id of ids) if (!((await on({ item: id })) || (await on({ message: id })))) missing.push(id);
    return { count, busy, missing, ...(dryRun && { entries }) };
  }
}

function statusOf(error: unknown): number {
  if (error instanceof BadRequest) return error.status;
  // Understood, and it cannot be done: the text says why.
  return error instanceof QueueActRefused || error instanceof PosthouseError ? 409 : 500;
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
