// Runs the checks over one message, and puts what they say into our own words.

import { domainToASCII } from 'node:url';
import type { ReceivedMessage } from '@posthouse/core';
import { ArcCheck, NO_ARC } from './arc.ts';
import type { KeyRecords } from './dkim/key-record.ts';
import { DkimVerifier } from './dkim/verifier.ts';
import type { DmarcCheck } from './dmarc.ts';
import type { Engine } from './engine.ts';
import { fieldsOf } from './header-fields.ts';
import type { Lookups } from './lookups.ts';
import { MessageReader } from './message-reader.ts';
import type { MessageResults, SpfResult } from './results.ts';
import { clientAddress } from './spf/address.ts';
import { HostCheck, type Policies } from './spf/check-host.ts';

export interface SpfQuestion {
  /** '' for the null reverse-path. */
  readonly sender: string;
  readonly client: string;
  readonly helo: string;
}

/** RFC 7208. Never rejects: what cannot be found out is `temperror`. */
export async function checkSpf(
  policies: Policies,
  { sender, client, helo }: SpfQuestion,
  lookups: Lookups,
): Promise<SpfResult> {
  const identity = sender === '' ? 'helo' : 'mailfrom';
  // §2.4, §4.3: without a local part it is postmaster's.
  const at = sender.lastIndexOf('@');
  const local = at > 0 ? sender.slice(0, at) : 'postmaster';
  const domain = aLabels(sender === '' ? helo : sender.slice(at + 1));
  const address = clientAddress(client);
  if (address === undefined) return { result: 'temperror', domain, identity, value: domain };
  const check = new HostCheck(policies, lookups, { sender: `${local}@${domain}`, client: address, helo });
  const result = await check.check(domain);
  const value = sender !== '' && check.usedLocalPart ? sender : domain;
  return { result, domain, identity, value };
}

function aLabels(domain: string): string {
  const name = domain.toLowerCase();
  if (!/[^\0-\x7f]/.test(name)) return name;
  const ascii = domainToASCII(name);
  return ascii === '' ? name : ascii;
}

export interface CheckSettings {
  /** DKIM-Signature fields that are looked at. */
  readonly signatures: number;
  readonly minBits: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly client: string;
}

/** What outlasts a message. */
export interface Memory {
  readonly keys: KeyRecords;
  readonly authors: DmarcCheck;
}

/** DKIM, ARC and DMARC. Rejects only where the message cannot be read. */
export async function checkMessage(
  engine: Engine,
  { keys, authors }: Memory,
  message: ReceivedMessage,
  spf: SpfResult,
  lookups: Lookups,
  settings: CheckSettings,
): Promise<MessageResults> {
  const reader = new MessageReader(message);
  const header = await reader.header();
  const fields = fieldsOf(header, settings.signatures);
  const verifier = new DkimVerifier(fields, keys, lookups, settings);
  const chain = fields.some(({ name }) => name.startsWith('arc-'))
    ? await ArcCheck.begin(engine, header, fields, lookups, settings)
    : undefined;
  if (verifier.wantsBody || chain !== undefined) {
    for await (const bytes of reader.body()) {
      verifier.update(bytes);
      await chain?.update(bytes);
    }
  }
  await reader.close();
  const dkim = await verifier.results();
  const arc = chain === undefined ? NO_ARC : await chain.result();
  const dmarc = await authors.check(fields, { spf, dkim }, lookups, settings.now);
  return { spf, dkim, arc, dmarc };
}
