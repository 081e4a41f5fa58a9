// Plays one row of the table of outcomes: a whole house with scripted next hops on loopback, real DNS and a clock in
// the test's hands. What it sees is written in the words of the table.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { Clock, definePlugin, Verdict } from '@posthouse/core';
import {
  deliverMemory,
  fakeClock,
  type MemoryTransport,
  type OpenHouse,
  openHouse,
  type Script,
  type ScriptedHop,
  scriptedHop,
} from '@posthouse/core/testing';
import deliverSmtp from '@posthouse/deliver-smtp';
import { type DnsZone, dnsZone } from '../../support/dns-zone.ts';
import { type Heard, hears, outcomeOf, tried } from './words.ts';

/** By host; null: nobody listens there. `mx1` to `mx9` are at 127.0.0.1 to 127.0.0.9, `six` is at ::1. */
export type Hops = Readonly<Record<string, Script | ((connection: number) => Script) | null>>;

export interface Row {
  /** The first column of the table. */
  readonly when: string;
  /** Default: `mx1`, which takes everything. */
  readonly hops?: Hops;
  /** Lines of the zone; PORT is that of the hops. Default: the hops are the MX of b.example, in their order. */
  readonly zone?: readonly string[];
  /** Lines besides those. */
  readonly alsoInZone?: readonly string[];
  /** Whether DNSSEC secures the zone, for those who ask about it. Default: nobody does. */
  readonly signed?: boolean;
  /** The MTA-STS policy of b.example that is known from before, when it need not be fetched. */
  readonly policy?: string;
  /** What takes the place of the zone after the first attempt. */
  readonly laterZone?: readonly string[];
  /** Default: one recipient, `b@b.example`. */
  readonly to?: readonly string[];
  /** Default: `a@a.example`, which is delivered here: so the notices come home. */
  readonly from?: string;
  /** Behind MAIL FROM, and behind each RCPT TO. */
  readonly mailParameters?: string;
  readonly rcptParameters?: string;
  /** The body; what is beyond ASCII goes as single octets. */
  readonly body?: string;
  /** Handed in by BDAT. */
  readonly binary?: true;
  readonly relay?: Parameters<typeof deliverSmtp>[0];
  readonly delivery?: Readonly<Record<string, string | number>>;
  /** Milliseconds for one try of a DNS question. */
  readonly dnsTimeout?: number;
  /** The server itself listens where the first hop would be. */
  readonly listensThere?: true;
  /** Messages that went out before, one after the other. */
  readonly before?: number;
  /** While the attempt is under way. */
  readonly during?: (scene: Scene) => Promise<void>;
  /** Attempts that are looked at. Default 1. */
  readonly attempts?: number;
}

export interface Scene {
  readonly hops: Readonly<Record<string, ScriptedHop>>;
  pass(milliseconds: number): Promise<void>;
  until(condition: () => boolean): Promise<void>;
}

/** The other columns. */
export interface Seen {
  readonly tried: string;
  readonly outcome: string;
  readonly hears: string;
}

const MINUTE = 60_000;

export async function openStage(): Promise<{ readonly play: (row: Row) => Promise<Seen> } & AsyncDisposable> {
  const dns = await dnsZone();
  return { play: (row) => play(row, dns), [Symbol.asyncDispose]: () => dns[Symbol.asyncDispose]() };
}

async function play(row: Row, dns: DnsZone): Promise<Seen> {
  const scripts = row.hops ?? { mx1: {} };
  const { hops, port, close } = await openHops(scripts);
  const zone = [...(row.zone ?? plainZone(Object.keys(scripts))), ...(row.alsoInZone ?? [])];
  dns.hold(
    zone.map((line) => line.replace('PORT', String(port))),
    row.signed,
  );
  using policies = policyFolder(row.policy);
  const relay = {
    port,
    ...(row.signed !== undefined && { dnssec: { resolvers: [dns.server], timeout: 5000 } }),
    ...(row.policy !== undefined && { mtaSts: { path: policies.path, fetchTimeout: 30_000 } }),
    ...row.relay,
  };
  const heard: Heard = { exchanges: [], settled: [], attempts: [], notices: [] };
  const home = deliverMemory({ claim: ({ domain }) => (domain === 'a.example' ? domain : undefined) });
  const house = await openHouse({
    listeners: [{ name: 'mx', host: '127.0.0.1', port: row.listensThere ? port : 0, binaryMime: true }],
    dns: { servers: [dns.server], timeout: row.dnsTimeout ?? 5000 },
    ...(row.delivery && { delivery: row.delivery as never }),
    plugins: [acceptAll(), listening(heard), home, deliverSmtp(relay)],
  });
  try {
    for (let sent = 0; sent < (row.before ?? 0); sent++) await handIn(house, { ...row, body: 'before' });
    await until(() => heard.attempts.length === (row.before ?? 0));
    heard.exchanges.length = 0;
    heard.settled.length = 0;
    heard.attempts.length = 0;
    await handIn(house, row);
    await row.during?.({ hops, pass: (milliseconds) => house.clock.advance(milliseconds), until });
    for (let attempt = 1; ; attempt++) {
      await until(() => heard.attempts.length >= attempt);
      const next = heard.attempts[attempt - 1]?.next;
      if (next === undefined || attempt === (row.attempts ?? 1)) break;
      if (row.laterZone !== undefined) dns.hold(row.laterZone);
      await house.clock.advance(next - house.clock.now());
    }
    await noticesAtHome(heard, home);
    return {
      tried: tried(heard.exchanges),
      outcome: outcomeOf(heard.attempts, heard.settled),
      hears: hears(home.messages.map(({ content }) => content)),
    };
  } finally {
    await Promise.all([house.stop(), quickly(house)]);
    await close();
  }
}

async function openHops(scripts: Hops): Promise<{
  readonly hops: Readonly<Record<string, ScriptedHop>>;
  readonly port: number;
  readonly close: () => Promise<void>;
}> {
  const hops: Record<string, ScriptedHop> = {};
  let port = 0;
  for (const [name, script] of Object.entries(scripts)) {
    if (script === null) continue;
    const hop = await scriptedHop(script, { address: addressOf(name), port });
    hops[name] = hop;
    port = hop.port;
  }
  if (port === 0) {
    const nobody = await scriptedHop();
    port = nobody.port;
    await nobody[Symbol.asyncDispose]();
  }
  const close = async (): Promise<void> => {
    await Promise.all(Object.values(hops).map((hop) => hop[Symbol.asyncDispose]()));
  };
  return { hops, port, close };
}

export function addressOf(host: string): string {
  return host === 'six' ? '::1' : `127.0.0.${host.slice(2)}`;
}

function plainZone(hosts: readonly string[]): readonly string[] {
  return hosts.flatMap((host, index) => [
    `b.example MX ${10 * (index + 1)} ${host}.b.example`,
    `${host}.b.example ${host === 'six' ? 'AAAA' : 'A'} ${addressOf(host)}`,
  ]);
}

/** What an earlier run has kept. An empty text is no policy. */
function policyFolder(text: string | undefined): { readonly path: string } & Disposable {
  if (text === undefined) return { path: '', [Symbol.dispose]() {} };
  const path = mkdtempSync(join(tmpdir(), 'posthouse-outcome-'));
  const kept = { domain: 'b.example', id: '1', fetchedAt: fakeClock().now(), text };
  if (text !== '') writeFileSync(join(path, 'b.example.json'), JSON.stringify(kept));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

function acceptAll() {
  const hooks = { 'on-rcpt': () => Verdict.accept() };
  return definePlugin({ name: 'accept-all', setup: () => ({ hooks }) })();
}

/** Keeps what is told of the mail for b.example. */
function listening(heard: Heard) {
  const home = new Set<string>();
  return definePlugin({
    name: 'observe-outcomes',
    needs: { clock: Clock },
    setup: ({ clock }) => ({
      observe: {
        'exchange-finished': (event) => void heard.exchanges.push(event),
        'recipient-settled': (event) => {
          if (event.recipient.endsWith('@a.example')) home.add(event.item);
          else heard.settled.push(event);
        },
        'attempt-finished': (event) => {
          if (!home.has(event.item)) heard.attempts.push({ next: event.next, at: clock.now() });
        },
        'notice-queued': ({ message }) => void heard.notices.push(message),
      },
    }),
  })();
}

async function handIn(house: OpenHouse, row: Row): Promise<void> {
  const { to = ['b@b.example'], from = 'a@a.example', body = 'Hello' } = row;
  const { mailParameters = '', rcptParameters = '', binary } = row;
  const utf8 = (text: string): string =>
    JSON.stringify(Buffer.from(`${text}\r\n`, 'utf8').toString('latin1'));
  const message = `Subject: hello\r\n\r\n${body}\r\n`;
  const content = binary
    ? [`C> ${JSON.stringify(`BDAT ${message.length} LAST\r\n${message}`)}`]
    : ['C: DATA', 'S: 354 *', `C> ${JSON.stringify(`${message}.\r\n`)}`];
  const lines = [
    'S: 220 *',
    'C: EHLO client.example',
    'S: 250-*',
    'S: 250 *',
    `C> ${utf8(`MAIL FROM:<${from}>${mailParameters}`)}`,
    'S: 250 *',
    ...to.flatMap((each) => [`C> ${utf8(`RCPT TO:<${each}>${rcptParameters}`)}`, 'S: 250 *']),
    ...content,
    'S: 250 *',
  ];
  await house.talk(lines.join('\n'));
}

async function noticesAtHome(heard: Heard, home: MemoryTransport): Promise<void> {
  // The commit that ends an attempt puts its notices: what is due has been announced some turns later.
  for (let turns = 0; turns < 20; turns++) await turn();
  await until(() => home.messages.length === heard.notices.length);
}

/** What lingers on sockets that say nothing is cut off by the clock. */
async function quickly(house: OpenHouse): Promise<void> {
  await house.clock.advance(MINUTE);
}

async function until(condition: () => boolean): Promise<void> {
  const start = performance.now();
  while (!condition()) {
    if (performance.now() - start > 10_000) throw new Error('waited in vain');
    await turn();
  }
}
