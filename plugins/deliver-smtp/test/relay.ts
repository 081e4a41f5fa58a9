// What the tests of whole deliveries share: the plugin mounted before scripted hops, with fakes for the rest.

import { setImmediate as turn } from 'node:timers/promises';
import type { Outcome, ServerIdentity } from '@posthouse/core';
import {
  type FakeClock,
  fakeChance,
  fakeClock,
  fakeResolver,
  type MountedPlugin,
  mount,
} from '@posthouse/core/testing';
import deliverSmtp from '../src/index.ts';

export const MESSAGE = 'Subject: hello\r\n\r\nHello\r\n.dot\r\n';

export type RelayConfig = NonNullable<Parameters<typeof deliverSmtp>[0]>;

export interface Relay extends AsyncDisposable {
  readonly plugin: MountedPlugin;
  readonly clock: FakeClock;
  /** The outcomes by recipient. */
  send(
    to?: string | readonly string[],
    message?: string | Uint8Array,
    more?: object,
  ): Promise<Record<string, Outcome | undefined>>;
}

/** b.example has its MX at 127.0.0.1; c.example at 127.0.0.1 and, second, at 127.0.0.2. */
export async function relay(
  config: RelayConfig = {},
  identity: Partial<ServerIdentity> = {},
  clock: FakeClock = fakeClock(),
  services: Readonly<Record<string, unknown>> = {},
): Promise<Relay> {
  const resolver = fakeResolver({
    'b.example': ['mx.b.example'],
    'c.example': ['mx1.c.example', 'mx2.c.example'],
    'd.example': ['mx.b.example'],
    'null.example': [''],
    'gone.example': 'unavailable',
    'mx.b.example': { a: ['127.0.0.1'] },
    'mx1.c.example': { a: ['127.0.0.1'] },
    'mx2.c.example': { a: ['127.0.0.2'] },
  });
  const plugin = await mount(deliverSmtp(config), {
    clock,
    resolver,
    chance: fakeChance(0),
    identity: { hostname: 'mx.a.example', isSelf: () => false, ...identity },
    ...services,
  });
  return {
    plugin,
    clock,
    async send(to = 'b@b.example', message = MESSAGE, more = {}) {
      const recipients = typeof to === 'string' ? [to] : to;
      const destination = await plugin.claim(recipients[0] as string);
      const outcomes = await plugin.deliver({
        destination: destination ?? '',
        sender: 'a@a.example',
        recipients,
        message,
        ...more,
      });
      return Object.fromEntries(outcomes);
    },
    async [Symbol.asyncDispose]() {
      await plugin.stop();
    },
  };
}

/** Until the condition holds; fails when it never does. */
export async function until(condition: () => boolean): Promise<void> {
  const start = performance.now();
  while (!condition()) {
    if (performance.now() - start > 5000) throw new Error('waited in vain');
    await turn();
  }
}

export function kind(outcome: Outcome | undefined): string {
  if (outcome === undefined) return 'none';
  return 'status' in outcome ? `${outcome.kind} ${outcome.status}` : outcome.kind;
}

export function kinds(outcomes: Record<string, Outcome | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(outcomes).map(([recipient, outcome]) => [recipient, kind(outcome)]),
  );
}
