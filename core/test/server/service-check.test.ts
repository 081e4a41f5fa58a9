import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type AnyPluginSpec,
  Authenticator,
  Clock,
  QueueStore,
  Trace,
  token,
} from '../../src/contract/index.ts';
import type { ResolvedPlugin } from '../../src/server/definition.ts';
import { checkServices } from '../../src/server/service-check.ts';

type Entry = Partial<Pick<AnyPluginSpec, 'needs' | 'provides'>> & { readonly mode?: ResolvedPlugin['mode'] };

/** A list with a queue, as `name: what it needs and provides`. */
function list(entries: Readonly<Record<string, Entry>>, store: Entry = { provides: { queue: QueueStore } }) {
  return Object.entries({ store, ...entries }).map(
    ([name, { mode = 'enforce', ...spec }]) =>
      ({ name, mode, spec: { name, setup: () => ({}), ...spec } }) as unknown as ResolvedPlugin,
  );
}

const Own = token<object>('Geography');
const Misspelt = token<object>('QueStore');
const asks = (service: ReturnType<typeof token>): Entry => ({ needs: { it: service } });

const MISSING: readonly (readonly [string, ResolvedPlugin[], string])[] = [
  [
    'a queue',
    list({}, {}),
    'QueueStore: the server needs it; add @posthouse/store-sqlite to the plugin list',
  ],
  [
    'a queue that a plugin needs too',
    list({ tidy: asks(QueueStore) }, {}),
    'QueueStore: the server and plugin tidy need it; add @posthouse/store-sqlite to the plugin list',
  ],
  [
    'users',
    list({ one: asks(Authenticator), two: asks(Authenticator), three: asks(Authenticator) }),
    'Authenticator: plugin one, plugin two and plugin three need it; add @posthouse/auth-file, @posthouse/auth-dovecot or @posthouse/auth-http to the plugin list',
  ],
  [
    'a trace',
    list({ why: asks(Trace) }),
    'Trace: plugin why needs it; add @posthouse/observe-trace to the plugin list',
  ],
  [
    'what a plugin that is off would provide',
    list({ map: asks(Own), atlas: { provides: { it: Own }, mode: 'off' } }),
    'Geography: plugin map needs it; plugin atlas would provide it, and has mode: off',
  ],
  [
    'a misspelt service',
    list({ map: asks(Misspelt) }),
    'QueStore: plugin map needs it; did its author mean QueueStore?',
  ],
  [
    'what nobody here knows',
    list({ map: asks(Own) }),
    'Geography: plugin map needs it; no plugin of Posthouse provides it: add the plugin that does to the plugin list',
  ],
];

for (const [what, plugins, expected] of MISSING) {
  test(`who needs it and who could provide it is told of ${what}`, () => {
    assert.throws(() => checkServices(plugins, new Set([Clock])), {
      code: 'service-missing',
      message: `nothing provides the service ${expected}`,
    });
  });
}

test('what is there is not missed, and a plugin that is off needs nothing', () => {
  checkServices(
    list({
      clock: asks(Clock),
      reader: asks(Trace),
      trace: { provides: { it: Trace } },
      resting: { ...asks(Own), mode: 'off' },
    }),
    new Set([Clock]),
  );
});

test('Authenticators may be many, anything else one', () => {
  const two = (service: ReturnType<typeof token>) =>
    list({ one: { provides: { it: service } }, two: { provides: { it: service } } });
  checkServices(two(Authenticator), new Set());
  assert.throws(() => checkServices(two(Trace), new Set()), {
    code: 'service-doubled',
    message: 'Trace is provided by one and by two; remove one of them from the plugin list',
  });
});
