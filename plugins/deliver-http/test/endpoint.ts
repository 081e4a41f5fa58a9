// An HTTP endpoint on loopback that remembers what it was sent, and the plugin mounted before it.

import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { Outcome } from '@posthouse/core';
import { type FakeClock, fakeClock, type MountedPlugin, mount } from '@posthouse/core/testing';
import deliverHttp from '../src/index.ts';

export const MESSAGE = 'Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\nTo: bob@b.example\r\n\r\nHello\r\n';

export interface Heard {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Endpoint extends AsyncDisposable {
  readonly url: string;
  readonly heard: Heard[];
  readonly connections: Socket[];
  /** Requests whose head has arrived. */
  begun: number;
}

type Behaviour = (response: ServerResponse, request: IncomingMessage, heard: Heard) => void;

export interface EndpointOptions {
  /** Answers a request as soon as its head is there, and reads no body unless asked to. */
  readonly early?: (request: IncomingMessage, response: ServerResponse) => void;
  readonly tls?: { readonly key: string; readonly cert: string };
}

export async function endpoint(
  behave: Behaviour = (response) => response.end('thanks'),
  { early, tls }: EndpointOptions = {},
): Promise<Endpoint> {
  const take = (request: IncomingMessage, response: ServerResponse): void => {
    room.begun += 1;
    if (early !== undefined) {
      early(request, response);
      return;
    }
    const chunks: Buffer[] = [];
    request.on('error', () => {});
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one = { headers: request.headers, body: Buffer.concat(chunks) };
      room.heard.push(one);
      behave(response, request, one);
    });
  };
  const server = tls === undefined ? createServer(take) : createTlsServer(tls, take);
  const room = { heard: [] as Heard[], connections: [] as Socket[], begun: 0 };
  server.on('connection', (socket: Socket) => room.connections.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return Object.assign(room, {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}/mail?key=1`,
    async [Symbol.asyncDispose]() {
      for (const socket of room.connections) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

type Config = Parameters<typeof deliverHttp>[0];

export interface Room extends AsyncDisposable {
  readonly plugin: MountedPlugin;
  readonly clock: FakeClock;
  outcomes(more?: object): Promise<Record<string, Outcome | undefined>>;
  /** The outcome of the first recipient, in short. */
  send(more?: object): Promise<string>;
}

export async function room(config: Partial<Config> & { readonly url: string }): Promise<Room> {
  const clock = fakeClock();
  const plugin = await mount(deliverHttp({ domains: ['b.example'], ...config }), { clock });
  const outcomes = async (more = {}) =>
    Object.fromEntries(
      await plugin.deliver({
        destination: 'there',
        sender: 'ann@a.example',
        recipients: ['bob@b.example'],
        message: MESSAGE,
        ...more,
      }),
    );
  return {
    plugin,
    clock,
    outcomes,
    send: async (more) => kind(Object.values(await outcomes(more))[0]),
    [Symbol.asyncDispose]: () => plugin.stop(),
  };
}

export function kind(outcome: Outcome | undefined): string {
  if (outcome === undefined) return 'none';
  return 'status' in outcome ? `${outcome.kind} ${outcome.status}` : outcome.kind;
}

export async function until(condition: () => boolean): Promise<void> {
  const start = performance.now();
  while (!condition()) {
    if (performance.now() - start > 5000) throw new Error('waited in vain');
    await turn();
  }
}
