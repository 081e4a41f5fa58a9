// The rules of the runner, one by one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Handler, note, type RecipientVerdict, Verdict } from '../../src/contract/index.ts';
import { describePlan } from '../../src/hooks/index.ts';
import { mailbox } from '../../src/smtp/index.ts';
import { answering, ask, clock, inquire, plugin, RECIPIENTS, SESSION_HOOKS } from './asking.ts';

const NO = Verdict.reject('5.7.1', 'No', { reason: 'test.no' });

test('silence accepts at every hook but on-rcpt, where the closed house relays nothing', async () => {
  for (const hook of SESSION_HOOKS) {
    const { ruling, events, synchronous } = await ask(hook, []);
    assert.equal(ruling.verdict.kind, hook === 'on-rcpt' ? 'reject' : 'accept', hook);
    assert.equal(ruling.plugin, null);
    assert.equal(synchronous, true);
    assert.equal(events('verdict-given')[0]?.plugin, null);
  }
  const { ruling } = await ask('on-rcpt', []);
  assert.deepEqual(ruling.verdict, {
    kind: 'reject',
    status: '5.7.1',
    text: 'Relaying denied',
    reason: 'relaying-denied',
  });
});

test('a veto beats a claim, whichever comes first', async () => {
  const claims = plugin('claims', { 'on-rcpt': () => Verdict.accept() });
  const vetoes = plugin('vetoes', { 'on-rcpt': () => NO });
  for (const order of [
    [claims, vetoes],
    [vetoes, claims],
  ]) {
    const { ruling } = await ask('on-rcpt', order);
    assert.deepEqual(ruling, { verdict: NO, plugin: 'vetoes' });
  }
});

test('nobody is asked after a veto', async () => {
  let asked = 0;
  const counts: Handler<'on-rcpt'> = () => void asked++;
  await ask('on-rcpt', [plugin('vetoes', { 'on-rcpt': () => NO }), plugin('counts', { 'on-rcpt': counts })]);
  assert.equal(asked, 0);
});

test('the first claim names the claimer, and later handlers see that there is one', async () => {
  const seen: boolean[] = [];
  const claims = (name: string) =>
    plugin(name, {
      'on-rcpt': ({ claimed }) => {
        seen.push(claimed);
        return Verdict.accept();
      },
    });
  const { ruling } = await ask('on-rcpt', [claims('first'), claims('second')]);
  assert.equal(ruling.plugin, 'first');
  assert.deepEqual(seen, [false, true]);
});

const HANG = new Promise<never>(() => {});
const FAILURES: readonly (readonly [string, 'threw' | 'timed-out' | 'illegal-answer', () => unknown])[] = [
  [
    'throws',
    'threw',
    () => {
      throw new Error('broken');
    },
  ],
  [
    'throws what cannot be made a string',
    'threw',
    () => {
      throw Object.create(null);
    },
  ],
  ['rejects', 'threw', () => Promise.reject(new Error('broken'))],
  ['rejects with nothing', 'threw', () => Promise.reject()],
  [
    'gives a thenable that throws',
    'threw',
    () =>
      Object.fromEntries([
        [
          'then',
          () => {
            throw new Error('broken');
          },
        ],
      ]),
  ],
  ['hangs', 'timed-out', () => HANG],
  ['answers null', 'illegal-answer', () => null],
  ['answers a promise of null', 'illegal-answer', async () => null],
  ['answers true', 'illegal-answer', () => true],
  ['answers a word', 'illegal-answer', async () => 'accept'],
  ['answers an unknown kind', 'illegal-answer', () => ({ kind: 'maybe' })],
  ['answers an inherited kind', 'illegal-answer', () => ({ kind: 'constructor' })],
  [
    'rejects with a transient status',
    'illegal-answer',
    () => ({ kind: 'reject', status: '4.7.1', text: 'No' }),
  ],
  [
    'defers with a permanent status',
    'illegal-answer',
    () => ({ kind: 'defer', status: '5.7.1', text: 'No' }),
  ],
  ['rejects without a status', 'illegal-answer', () => ({ kind: 'reject', text: 'No' })],
  ['rejects without a text', 'illegal-answer', () => ({ kind: 'reject', status: '5.7.1' })],
  [
    'rejects with a code that accepts',
    'illegal-answer',
    () => ({ kind: 'reject', status: '5.7.1', text: 'No', code: 250 }),
  ],
  [
    'defers with the code of a disconnect',
    'illegal-answer',
    () => ({ kind: 'defer', status: '4.7.1', text: 'No', code: 421 }),
  ],
  ['disconnects without a text', 'illegal-answer', () => ({ kind: 'disconnect' })],
];

for (const [what, problem, handler] of FAILURES) {
  test(`a handler that ${what} is 451 4.3.0 at each hook, by name`, async () => {
    for (const hook of SESSION_HOOKS) {
      const { asking, events } = inquire(hook, [answering(hook, handler)]);
      const ran = asking.run();
      if (problem === 'timed-out') await clock.advance(10_000);
      const { verdict, plugin: by } = await ran;
      assert.equal(verdict.kind, 'defer', hook);
      assert.equal('status' in verdict && verdict.status, '4.3.0');
      assert.equal('code' in verdict && verdict.code, 451);
      assert.equal(by, 'subject');
      const [failed] = events('handler-failed');
      assert.deepEqual([failed?.plugin, failed?.hook, failed?.problem], ['subject', hook, problem]);
    }
  });
}

test('verdicts that only on-data knows are illegal before it', async () => {
  const verdicts = [Verdict.discard('x'), Verdict.quarantine('x'), Verdict.perRecipient(new Map())];
  for (const hook of SESSION_HOOKS.slice(0, 3)) {
    for (const verdict of verdicts) {
      const { events } = await ask(hook, [answering(hook, () => verdict)]);
      assert.equal(events('handler-failed')[0]?.problem, 'illegal-answer', `${verdict.kind} at ${hook}`);
    }
  }
});

test('a handler is told by its signal that its time is up, and a late answer changes nothing', async () => {
  let late: (verdict: Verdict) => void = () => {};
  let aborted = false;
  const slow = answering(
    'on-rcpt',
    ({ signal }: { signal: AbortSignal }) => {
      signal.addEventListener('abort', () => {
        aborted = true;
      });
      return new Promise((resolve) => {
        late = resolve;
      });
    },
    { timeout: 3000 },
  );
  const { asking, events } = inquire('on-rcpt', [slow]);
  const ran = asking.run();
  await clock.advance(2999);
  assert.equal(aborted, false);
  await clock.advance(1);
  late(Verdict.accept());
  assert.equal((await ran).verdict.kind, 'defer');
  assert.equal(aborted, true);
  assert.equal(events('handler-failed')[0]?.milliseconds, 3000);
});

test('a handler is told by its signal that the connection is gone', async () => {
  let reason: unknown;
  const waits = answering('on-rcpt', ({ signal }: { signal: AbortSignal }) => {
    signal.addEventListener('abort', () => {
      reason = signal.reason;
    });
    return HANG;
  });
  const { asking } = inquire('on-rcpt', [waits]);
  void asking.run();
  asking.cancel();
  assert.match(String(reason), /connection is gone/);
});

test('with `onError: pass` a failure is said and passed over', async () => {
  const fails = answering(
    'on-rcpt',
    () => {
      throw new Error('broken');
    },
    { onError: 'pass' },
  );
  const { ruling, events } = await ask('on-rcpt', [
    fails,
    plugin('claims', { 'on-rcpt': () => Verdict.accept() }),
  ]);
  assert.equal(ruling.plugin, 'claims');
  assert.equal(events('handler-failed').length, 1);
});

test('in mode `observe` verdicts are recorded and not applied, claims and failures included', async () => {
  const observe = { mode: 'observe' } as const;
  for (const answer of [NO, Verdict.accept(), Verdict.disconnect('x')]) {
    const { ruling, events } = await ask('on-rcpt', [answering('on-rcpt', () => answer, observe)]);
    assert.equal(ruling.plugin, null, 'the default');
    assert.deepEqual(
      events('verdict-given').map(({ plugin: by, verdict, applied }) => [by, verdict, applied]),
      [
        ['subject', answer.kind, false],
        [null, 'reject', true],
      ],
    );
  }
  const { ruling, events } = await ask('on-mail-from', [
    answering(
      'on-mail-from',
      () => {
        throw new Error('x');
      },
      observe,
    ),
  ]);
  assert.equal(ruling.verdict.kind, 'accept');
  assert.equal(events('handler-failed').length, 1);
});

test('order is the plugin list, with early handlers before all others and late ones after', async () => {
  const order: string[] = [];
  const says = (name: string, place?: 'early' | 'late') => {
    const handler = (): void => void order.push(name);
    return plugin(name, { 'on-connect': place === undefined ? handler : { order: place, handler } });
  };
  const plugins = [
    says('late-1', 'late'),
    says('one'),
    says('early-1', 'early'),
    says('two'),
    says('early-2', 'early'),
    says('late-2', 'late'),
  ];
  await ask('on-connect', plugins);
  assert.deepEqual(order, ['early-1', 'early-2', 'one', 'two', 'late-1', 'late-2']);
  assert.deepEqual(
    describePlan(['mx'], plugins).map((line) => line.plugin),
    order,
    'explain tells the same',
  );
});

test('a plugin with `on` is asked at those listeners and nowhere else', async () => {
  const vetoes = answering('on-connect', () => NO, { on: ['mx'] });
  assert.equal((await ask('on-connect', [vetoes], 'mx')).ruling.verdict.kind, 'reject');
  assert.equal((await ask('on-connect', [vetoes], 'submission')).ruling.verdict.kind, 'accept');
});

test('handlers that answer at once cost no promise, one that waits makes one', async () => {
  const quick = plugin('quick', { 'on-rcpt': () => Verdict.continue() });
  const slow = plugin('slow', { 'on-rcpt': async () => {} });
  assert.equal((await ask('on-rcpt', [quick, quick])).synchronous, true);
  assert.equal((await ask('on-rcpt', [quick, slow])).synchronous, false);
});

test('a veto stands wherever waiting handlers are in the list', async () => {
  const slow = plugin('slow', { 'on-rcpt': async () => Verdict.accept() });
  const vetoes = plugin('vetoes', { 'on-rcpt': async () => NO });
  const quick = plugin('quick', { 'on-rcpt': () => NO });
  assert.equal((await ask('on-rcpt', [slow, slow, vetoes])).ruling.plugin, 'vetoes');
  assert.equal((await ask('on-rcpt', [slow, quick, vetoes])).ruling.plugin, 'quick');
});

test('notes pass from one handler to the next', async () => {
  const result = note<'pass' | 'fail'>('test/result');
  const writes = plugin('writes', { 'on-mail-from': ({ notes }) => notes.set(result, 'fail') });
  const reads = plugin('reads', {
    'on-mail-from': ({ notes }) => (notes.get(result) === 'fail' ? NO : undefined),
  });
  assert.equal((await ask('on-mail-from', [writes, reads])).ruling.plugin, 'reads');
});

const [A, B, C] = RECIPIENTS as [(typeof RECIPIENTS)[0], (typeof RECIPIENTS)[0], (typeof RECIPIENTS)[0]];
const each = (...verdicts: [typeof A, RecipientVerdict][]) => Verdict.perRecipient(new Map(verdicts));

test('the first veto for a recipient stands, beside a ruling that lets the others through', async () => {
  const first = plugin('first', { 'on-data': () => each([A, NO], [B, Verdict.accept()]) });
  const second = plugin('second', {
    'on-data': () => each([A, Verdict.discard('x')], [B, Verdict.quarantine('y')]),
  });
  const { ruling, perRecipient } = await ask('on-data', [first, second]);
  assert.equal(ruling.verdict.kind, 'accept');
  assert.deepEqual(
    [perRecipient?.get(A)?.plugin, perRecipient?.get(B)?.plugin, perRecipient?.get(C)],
    ['first', 'second', undefined],
  );
});

test('when every recipient has a veto nobody else is asked', async () => {
  let asked = 0;
  const all = plugin('all', { 'on-data': () => each([A, NO], [B, NO], [C, NO]) });
  await ask('on-data', [all, plugin('counts', { 'on-data': () => void asked++ })]);
  assert.equal(asked, 0);
});

test('in mode `observe` verdicts for single recipients are recorded and not applied', async () => {
  const { perRecipient, events } = await ask('on-data', [
    answering('on-data', () => each([A, NO]), { mode: 'observe' }),
  ]);
  assert.equal(perRecipient, undefined);
  assert.deepEqual(
    [events('verdict-given')[0]?.recipient, events('verdict-given')[0]?.applied],
    ['a@ours.example', false],
  );
});

test('a per-recipient answer about somebody else, or with what is no answer for one, is illegal', async () => {
  const illegal: readonly (readonly [unknown, unknown])[] = [
    [mailbox('stranger@x.example'), NO],
    ['a@ours.example', NO],
    [undefined, NO],
    [A, Verdict.disconnect('x')],
    [A, each([A, NO])],
    [A, null],
    [A, { kind: 'reject', status: '4.1.1', text: 'x' }],
  ];
  for (const [recipient, verdict] of illegal) {
    const answer = { kind: 'per-recipient', verdicts: new Map([[recipient, verdict]]) };
    const { ruling } = await ask('on-data', [answering('on-data', () => answer)]);
    assert.equal(ruling.verdict.kind, 'defer', JSON.stringify(verdict));
  }
  const { ruling } = await ask('on-data', [
    answering('on-data', () => ({ kind: 'per-recipient', verdicts: {} })),
  ]);
  assert.equal(ruling.verdict.kind, 'defer');
});

test('a verdict is an event with its plugin, reason, status and milliseconds', async () => {
  const slow = answering('on-rcpt', () => new Promise((resolve) => clock.after(250, () => resolve(NO))));
  const { asking, events } = inquire('on-rcpt', [slow]);
  const ran = asking.run();
  await clock.advance(250);
  await ran;
  assert.deepEqual(events('verdict-given'), [
    {
      session: 'SESSION1',
      hook: 'on-rcpt',
      plugin: 'subject',
      verdict: 'reject',
      reason: 'test.no',
      status: '5.7.1',
      text: 'No',
      applied: true,
      milliseconds: 250,
      recipient: 'a@ours.example',
    },
  ]);
});
