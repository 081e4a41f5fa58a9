// Plugins that break their contract, each one promise of it; plugin-contract.test.ts sees them fail.

import { createServer } from 'node:net';
import { Clock, definePlugin, Type, Verdict } from '../../src/index.ts';
import { pluginContract } from '../../src/testing/index.ts';

pluginContract(() => definePlugin({ name: 'namelike', setup: () => ({}) })());

pluginContract(() =>
  definePlugin({
    name: 'bad-config',
    config: Type.Object({
      zones: Type.Array(Type.Object({ name: Type.String() }), { description: 'Zones.' }),
    }),
    setup: () => ({ describe: () => 'two\nlines' }),
  })({ zones: [] }),
);

pluginContract(() =>
  definePlugin({
    name: 'bad-keys',
    config: Type.Object({}, { additionalProperties: true }),
    setup: () => ({}),
  })({}),
);

pluginContract(() =>
  definePlugin({ name: 'bad-shape', setup: () => ({ hooks: { 'on-rpct': () => {} } }) as object })(),
);

let setUps = 0;

pluginContract(() =>
  definePlugin({
    name: 'bad-order',
    setup() {
      setUps += 1;
      const order = setUps % 2 === 0 ? 'early' : 'late';
      return { hooks: { 'on-rcpt': { order, handler: () => undefined } } };
    },
  })(),
);

pluginContract(() =>
  definePlugin({
    name: 'bad-setup',
    needs: { clock: Clock },
    setup({ clock }) {
      clock.every(1000, () => {});
      return {};
    },
  })(),
);

pluginContract(
  () =>
    definePlugin({
      name: 'bad-stop',
      setup: () => ({
        start: () => new Promise((done) => createServer().listen(0, '127.0.0.1', done)),
      }),
    })(),
  { within: 50 },
);

const counts = new Map<string, number>();

pluginContract(() =>
  definePlugin({
    name: 'bad-answers',
    setup: () => ({
      hooks: {
        'on-mail-from': () => Verdict.discard('spam') as never,
        'on-rcpt'({ recipient }) {
          const table: Record<string, readonly string[]> = { ann: [] };
          table[recipient.local]?.map(String);
        },
      },
    }),
  })(),
);

pluginContract(() =>
  definePlugin({
    name: 'bad-memory',
    setup: () => ({
      hooks: {
        'on-rcpt'({ recipient }) {
          const key = recipient.toString();
          counts.set(key, (counts.get(key) ?? 0) + 1);
          return Verdict.reject('5.7.1', `No, for the ${counts.get(key)}. time`);
        },
      },
    }),
  })(),
);

pluginContract(
  () =>
    definePlugin({
      name: 'bad-patience',
      setup: () => ({
        hooks: {
          async 'on-connect'({ signal }) {
            if (signal.aborted) await new Promise((done) => setTimeout(done, 100));
          },
        },
      }),
    })(),
  { within: 50 },
);
