// The table “What EHLO offers” of core/docs/rfcs.md, held for every combination of a listener's options: what is offered
// can be used, and what is not offered is refused with a code that the table names.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { AuthOptions, SessionOptions } from '../../src/smtp/index.ts';
import { ACCEPT, Client } from './session-driver.ts';

interface Row {
  readonly keyword: string;
  readonly uses: readonly string[];
  readonly refusals: readonly string[];
  readonly never: boolean;
}

const page = readFileSync(fileURLToPath(new URL('../../../docs/rfcs.md', import.meta.url)), 'utf8');
const ROWS: readonly Row[] = [
  ...page.matchAll(/^\| `([A-Z0-9-]+)` +\| (.*?) *\| (.*?) *\| (.*?) *\|$/gm),
].map(([, keyword = '', offered = '', uses = '', refusals = '']) => ({
  keyword,
  uses: [...uses.matchAll(/`([^`]+)`/g)].map(([, use]) => use as string),
  refusals: refusals.match(/\d{3}/g) ?? [],
  never: offered.startsWith('never'),
}));

/** A listener and its client. */
interface Situation {
  readonly options: Partial<SessionOptions>;
  readonly hello: 'EHLO' | 'HELO' | 'LHLO';
  /** The client has authenticated before its last greeting. */
  readonly user: boolean;
}

const AUTH: Omit<AuthOptions, 'required' | 'withoutTls'> = {
  line: 200,
  failures: 3,
  mechanisms: () => ['PLAIN'],
  scram: {
    hmac: () => new Uint8Array(),
    hash: () => new Uint8Array(),
    nonce: () => '',
    channelBinding: () => undefined,
  },
};

/** When each keyword is offered. A keyword that is missing here never is. */
const OFFERED: Readonly<Record<string, (now: Situation) => boolean>> = {
  PIPELINING: () => true,
  SIZE: () => true,
  '8BITMIME': () => true,
  SMTPUTF8: () => true,
  ENHANCEDSTATUSCODES: () => true,
  DSN: ({ options: { dsn }, user }) => dsn === 'on' || (dsn === 'authenticated' && user),
  LIMITS: () => true,
  CHUNKING: () => true,
  BINARYMIME: ({ options: { binaryMime } }) => binaryMime === true,
  STARTTLS: ({ options: { tls } }) => tls === 'offered',
  REQUIRETLS: ({ options: { tls } }) => tls === 'active',
  AUTH: ({ options: { auth, tls }, user }) =>
    auth !== undefined && (tls === 'active' || auth.withoutTls) && !user,
  FUTURERELEASE: ({ options: { futureRelease, auth }, user }) =>
    futureRelease !== undefined && (user || auth?.required === true),
  XCLIENT: ({ options: { xclient } }) => xclient === 'offered',
  XFORWARD: ({ options: { xclient } }) => xclient === 'offered',
};

/** The time of the table's example is within it. */
const HOUR = { longest: 3_600_000, now: () => Date.parse('2029-12-31T23:30:00Z') };

function* situations(): Generator<Situation> {
  const auths = [
    undefined,
    ...[true, false].flatMap((required) =>
      [true, false].map((withoutTls) => ({ ...AUTH, required, withoutTls })),
    ),
  ];
  for (const protocol of ['smtp', 'lmtp'] as const)
    for (const tls of ['none', 'offered', 'active'] as const)
      for (const tlsRequired of tls === 'offered' ? [true, false] : [false])
        for (const auth of auths)
          for (const dsn of ['on', 'authenticated', 'off'] as const)
            for (const binaryMime of [true, false])
              for (const xclient of ['none', 'refused', 'offered'] as const) {
                // Each with one of two values of another option, so that there are not twice as many.
                const futureRelease = binaryMime ? HOUR : undefined;
                const options = { protocol, tls, tlsRequired, auth, dsn, binaryMime, futureRelease, xclient };
                for (const user of canLogIn(options) ? [true, false] : [false])
                  for (const hello of protocol === 'lmtp' ? (['LHLO'] as const) : (['EHLO', 'HELO'] as const))
                    yield { options, hello, user };
              }
}

function canLogIn({ auth, tls, tlsRequired }: Partial<SessionOptions>): boolean {
  return auth !== undefined && (tls === 'active' || auth.withoutTls) && tlsRequired !== true;
}

const LOGIN = 'AUTH PLAIN AGFubgBwZW5jaWw=\r\n';

/** A client that has said hello, and logged in before where the situation says so. */
function arrived({ options, hello, user }: Situation): { client: Client; greeting: readonly string[] } {
  const client = new Client({ ...options, badCommands: 1000 }, ({ hook }) =>
    hook === null ? { kind: 'accept', user: 'ann' } : ACCEPT,
  );
  if (user) client.send(`${hello === 'LHLO' ? 'LHLO' : 'EHLO'} x.example\r\n${LOGIN}`);
  client.heard();
  const greeting = client.send(`${hello} x.example\r\n`).replies().join('\n').split('\n');
  return { client, greeting: greeting.slice(1).map((line) => line.trim().slice(4)) };
}

/** What has to be said before the use, in a transaction of its own. */
function before(use: string): string {
  if (use.startsWith('RCPT')) return 'MAIL FROM:<a@x.example>\r\n';
  return use.startsWith('BDAT') ? 'MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\n' : '';
}

/** Uses the keyword in a session of its own; gives the code that it heard. */
function codeOf(situation: Situation, use: string): string {
  const { client } = arrived(situation);
  client.send(before(use));
  client.heard();
  const [reply = ''] = client.send(`${use}\r\n`).replies();
  return reply.slice(0, 3);
}

/** What keeps mail out whatever its parameters: STARTTLS or AUTH must come first (RFC 3207 §4, RFC 4954 §6). */
function mailIsKeptOut({ options: { tlsRequired, auth }, user }: Situation): boolean {
  return tlsRequired === true || (auth?.required === true && !user);
}

test('the table has every keyword once, those that are offered in the order of EHLO', () => {
  const offered = ROWS.filter(({ never }) => !never).map(({ keyword }) => keyword);
  assert.deepEqual(Object.keys(OFFERED), offered);
  // All that can be had before TLS is up, and all that can be had behind it.
  for (const tls of ['offered', 'active'] as const) {
    const auth = { ...AUTH, required: false, withoutTls: true };
    const options = {
      dsn: 'on',
      binaryMime: true,
      tls,
      auth,
      xclient: 'offered',
      futureRelease: HOUR,
    } as const;
    const now: Situation = { options, hello: 'EHLO', user: false };
    assert.deepEqual(
      arrived(now).greeting.map((line) => line.split(' ')[0]),
      offered.filter((keyword) => OFFERED[keyword]?.(now)),
    );
  }
  assert.equal(new Set(ROWS.map(({ keyword }) => keyword)).size, ROWS.length);
  for (const { keyword, uses } of ROWS) assert.ok(uses.length > 0, keyword);
});

test('a greeting names what is offered now and nothing else, for every combination of options', () => {
  for (const situation of situations()) {
    const { greeting } = arrived(situation);
    const expected =
      situation.hello === 'HELO' ? [] : ROWS.filter(({ keyword }) => OFFERED[keyword]?.(situation));
    assert.deepEqual(
      greeting.map((line) => line.split(' ')[0]),
      expected.map(({ keyword }) => keyword),
      JSON.stringify(situation),
    );
  }
});

test('what is offered can be used, and what is not is refused with a code of the table, for every combination', () => {
  const heard = new Map<string, Set<string>>(ROWS.map(({ keyword }) => [keyword, new Set()]));
  for (const situation of situations()) {
    const esmtp = situation.hello !== 'HELO';
    for (const { keyword, uses, refusals } of ROWS) {
      // RFC 3207 has no word against STARTTLS after HELO; trusted clients may speak before any greeting.
      const anyGreeting = ['STARTTLS', 'XCLIENT', 'XFORWARD'].includes(keyword);
      const offered = OFFERED[keyword]?.(situation) === true && (esmtp || anyGreeting);
      for (const use of uses) {
        const code = codeOf(situation, use);
        const told = `${use} was ${code}: ${JSON.stringify(situation)}`;
        if (use === 'NOOP') assert.equal(code, '250', told);
        else if (situation.options.tlsRequired === true && use !== 'STARTTLS')
          assert.equal(code, '530', told);
        else if (/^(?:MAIL|RCPT|BDAT)/.test(use) && mailIsKeptOut(situation))
          assert.match(code, /^(?:530|503)$/, told);
        else if (offered) assert.match(code, /^2/, told);
        else {
          assert.ok(refusals.includes(code), told);
          heard.get(keyword)?.add(code);
        }
      }
    }
  }
  for (const { keyword, refusals } of ROWS)
    assert.deepEqual([...(heard.get(keyword) ?? [])].sort(), refusals, `the refusals of ${keyword}`);
});
