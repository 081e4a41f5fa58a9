// Misuse of the contract that must not compile, and inferences that must hold. The compiler is the test:
// an @ts-expect-error without an error beneath it breaks the build.

import {
  type ConfiguredPlugin,
  Duration,
  definePlugin,
  type Mailbox,
  mailbox,
  note,
  Outcome,
  Resolver,
  type SessionHook,
  type Token,
  Type,
  token,
  Verdict,
} from '../../src/index.ts';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function holds<_T extends true>(): void {}

// ── Verdicts ────────────────────────────────────────────────────────────────────────────────────────────────────

// @ts-expect-error: reject is permanent, 4.7.1 is transient
Verdict.reject('4.7.1', 'No');
// @ts-expect-error: defer is transient, 5.7.1 is permanent
Verdict.defer('5.7.1', 'Later');
// @ts-expect-error: an enhanced status, not a reply code
Verdict.reject('550', 'No');
// @ts-expect-error: the client must be told something
Verdict.reject('5.7.1');
// @ts-expect-error: a discard is never silent in the log
Verdict.discard();
// @ts-expect-error: disconnect concerns the connection, not one recipient
Verdict.perRecipient(new Map([[mailbox('a@b.example'), Verdict.disconnect('Go')]]));
// @ts-expect-error: recipients are mailboxes, not strings
Verdict.perRecipient(new Map([['a@b.example', Verdict.reject('5.1.1', 'No')]]));

// ── Hooks ───────────────────────────────────────────────────────────────────────────────────────────────────────

definePlugin({
  name: 'discards-connections',
  // @ts-expect-error: there is nothing to discard before the banner
  setup: () => ({ hooks: { 'on-connect': () => Verdict.discard('x') } }),
});
definePlugin({
  name: 'quarantines-senders',
  // @ts-expect-error: there is no message to keep at MAIL
  setup: () => ({ hooks: { 'on-mail-from': async () => Verdict.quarantine('x') } }),
});
definePlugin({
  name: 'per-recipient-at-rcpt',
  // @ts-expect-error: only on-data has several recipients to tell apart
  setup: () => ({ hooks: { 'on-rcpt': () => Verdict.perRecipient(new Map()) } }),
});
definePlugin({
  name: 'unknown-hook',
  // @ts-expect-error: there are five hooks, and this is none of them
  setup: () => ({ hooks: { 'on-helo': () => undefined } }),
});
definePlugin({
  name: 'answers-true',
  // @ts-expect-error: true is no verdict
  setup: () => ({ hooks: { 'on-rcpt': () => true } }),
});
definePlugin({
  name: 'answers-null',
  // @ts-expect-error: to have no opinion, return nothing
  setup: () => ({ hooks: { 'on-rcpt': () => null } }),
});
definePlugin({
  name: 'answers-an-outcome',
  // @ts-expect-error: an outcome answers the queue, not the client
  setup: () => ({ hooks: { 'on-data': () => Outcome.delivered() } }),
});
definePlugin({
  name: 'claims-nothing',
  // @ts-expect-error: a transport claims before it delivers
  setup: () => ({ hooks: { 'on-deliver': { deliver: () => Outcome.delivered() } } }),
});
definePlugin({
  name: 'delivers-verdicts',
  // @ts-expect-error: a verdict answers the client, not the queue
  setup: () => ({ hooks: { 'on-deliver': { claim: () => 'x', deliver: () => Verdict.accept() } } }),
});
definePlugin({
  name: 'writes-the-session',
  setup: () => ({
    hooks: {
      'on-connect': ({ session }) => {
        // @ts-expect-error: views are read-only
        session.user = 'root';
      },
      'on-mail-from': (asked) => {
        // @ts-expect-error: nobody knows the recipients at MAIL
        asked.recipient;
      },
      'on-rcpt': (asked) => {
        // @ts-expect-error: the list of accepted recipients is the core's
        asked.accepted.push(asked.recipient);
        // @ts-expect-error: there is no message at RCPT
        asked.message;
      },
    },
  }),
});
definePlugin({
  name: 'observes-nothing',
  // @ts-expect-error: no such event
  setup: () => ({ observe: { 'message-read': () => {} } }),
});

// ── Services ────────────────────────────────────────────────────────────────────────────────────────────────────

interface Counter {
  count(): number;
}
const Counter: Token<Counter> = token<Counter>('Counter');

definePlugin({
  name: 'forgets-its-service',
  provides: { counter: Counter },
  // @ts-expect-error: the promised service is missing
  setup: () => ({}),
});
definePlugin({
  name: 'makes-another-service',
  provides: { counter: Counter },
  // @ts-expect-error: not a Counter
  setup: () => ({ services: { counter: { count: () => 'one' } } }),
});
definePlugin({
  name: 'needs-a-name',
  // @ts-expect-error: a need is a token, not a word
  needs: { counter: 'Counter' },
  setup: () => ({}),
});
definePlugin({
  name: 'uses-what-it-did-not-ask-for',
  // @ts-expect-error: not among its needs
  setup: ({ resolver }) => ({ start: () => resolver }),
});
definePlugin({
  name: 'inferred-services',
  needs: { resolver: Resolver, counter: Counter },
  setup({ resolver, counter }) {
    holds<Same<typeof resolver, Resolver>>();
    holds<Same<typeof counter, Counter>>();
    return {};
  },
});

// ── Configuration ───────────────────────────────────────────────────────────────────────────────────────────────

const limited = definePlugin({
  name: 'limited',
  config: Type.Object({
    domains: Type.Array(Type.String()),
    most: Type.With(Type.Integer(), { default: 5 }),
    wait: Duration({ default: '5m', description: 'A wait.' }),
  }),
  setup({ config }) {
    holds<Same<typeof config.domains, string[]>>();
    holds<Same<typeof config.most, number>>();
    holds<Same<typeof config.wait, number>>();
    // @ts-expect-error: not in the schema
    config.least;
    return {};
  },
});
holds<Same<ReturnType<typeof limited>, ConfiguredPlugin>>();
limited({ domains: ['a.example'] });
limited({ domains: [], most: 3, wait: 1000 });
// @ts-expect-error: domains has no default
limited();
// @ts-expect-error: domains has no default
limited({ most: 3 });
// @ts-expect-error: a list of strings
limited({ domains: 'a.example' });
// @ts-expect-error: a number
limited({ domains: [], most: '3' });
// @ts-expect-error: an unknown key
limited({ domains: [], mots: 3 });

const plain = definePlugin({ name: 'plain', setup: () => ({}) });
plain();

// ── What handlers are given ─────────────────────────────────────────────────────────────────────────────────────

definePlugin({
  name: 'inferred-handlers',
  setup: () => ({
    hooks: {
      'on-mail-from': ({ sender }) => {
        holds<Same<typeof sender, Mailbox | null>>();
        // @ts-expect-error: the null reverse-path has no domain
        sender.domain;
      },
      'on-rcpt': {
        order: 'early',
        handler: async ({ recipient, accepted, claimed }) => {
          holds<Same<typeof recipient, Mailbox>>();
          holds<Same<typeof accepted, readonly Mailbox[]>>();
          holds<Same<typeof claimed, boolean>>();
        },
      },
      'on-data': ({ recipients }) =>
        Verdict.perRecipient(new Map([[recipients[0] as Mailbox, Verdict.discard('x')]])),
    },
  }),
});
definePlugin({
  name: 'placed-nowhere',
  // @ts-expect-error: early or late
  setup: () => ({ hooks: { 'on-rcpt': { order: 'first', handler: () => undefined } } }),
});
holds<Same<SessionHook, 'on-connect' | 'on-mail-from' | 'on-rcpt' | 'on-data'>>();

// ── Notes ───────────────────────────────────────────────────────────────────────────────────────────────────────

const result = note<'pass' | 'fail'>('check-x/result');
// @ts-expect-error: a note's name begins with its plugin's
note<string>('result');
// @ts-expect-error: notes are JSON
note<Date>('check-x/when');
definePlugin({
  name: 'notes',
  setup: () => ({
    hooks: {
      'on-connect': ({ notes }) => {
        const found = notes.get(result);
        holds<Same<typeof found, 'pass' | 'fail' | undefined>>();
        // @ts-expect-error: not a value of this note
        notes.set(result, 'maybe');
      },
    },
  }),
});

// ── Outcomes ────────────────────────────────────────────────────────────────────────────────────────────────────

// @ts-expect-error: a failure is permanent
Outcome.failed('4.4.1', 'x');
// @ts-expect-error: a deferral is transient
Outcome.deferred('5.1.1', 'x');
// @ts-expect-error: redirections go to mailboxes
Outcome.redirected(['a@b.example']);
