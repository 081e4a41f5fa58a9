// Runs the checks over one message with mailauth, and puts what it says into our own words.

import { setImmediate } from 'node:timers/promises';
import type { ReceivedMessage } from '@posthouse/core';
import type { ArcData, DkimAnswer, DkimVerifier, Engine } from './engine.ts';
import { fieldsOf } from './header-fields.ts';
import type { Lookups } from './lookups.ts';
import type { ArcResult, DkimResult, DmarcResult, MessageResults, SpfResult } from './results.ts';

/** Octets of a body that are hashed in one go; then others have a turn. */
const TURN = 262_144;

export interface SpfQuestion {
  /** '' for the null reverse-path. */
  readonly sender: string;
  readonly client: string;
  readonly helo: string;
  /** Our own name, for the macro `%{r}`. */
  readonly receiver: string;
}

/** RFC 7208. Never rejects: what cannot be found out is `temperror`. */
export async function checkSpf(engine: Engine, question: SpfQuestion, lookups: Lookups): Promise<SpfResult> {
  const { sender, client, helo, receiver } = question;
  const identity = sender === '' ? 'helo' : 'mailfrom';
  try {
    const { status, domain } = await engine.spf({
      sender,
      ip: client,
      helo,
      mta: receiver,
      resolver: lookups.ask,
      strict: true,
    });
    const value = status.smtp?.[identity] ?? domain;
    return { result: status.result, domain, identity, value };
  } catch {
    return { result: 'temperror', domain: '', identity, value: '' };
  }
}

export interface CheckSettings {
  /** DKIM-Signature fields that are looked at. */
  readonly signatures: number;
  readonly minBits: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly client: string;
}

/** DKIM, ARC and DMARC. Rejects only where the message cannot be read. */
export async function checkMessage(
  engine: Engine,
  message: ReceivedMessage,
  spf: SpfResult,
  lookups: Lookups,
  { signatures, minBits, now, client }: CheckSettings,
): Promise<MessageResults> {
  const verifier = new engine.DkimVerifier({
    resolver: lookups.ask,
    strict: true,
    minBitLength: minBits,
    curTime: now,
    // Else it takes a Return-Path field of the message for the sender.
    sender: 'postmaster@localhost',
  });
  await feed(verifier, message, signatures);
  const dkim = verifier.results.map(dkimResult);
  const arcAnswer = await engine.arc(verifier.arc, {
    resolver: lookups.ask,
    strict: true,
    minBitLength: minBits,
    ip: client,
  });
  const arc = arcResult(verifier.arc, arcAnswer.status);
  return { spf, dkim, arc, dmarc: await checkDmarc(engine, verifier, spf, lookups) };
}

async function feed(verifier: DkimVerifier, message: ReceivedMessage, signatures: number): Promise<void> {
  let head: Buffer | undefined = Buffer.alloc(0);
  let turn = 0;
  for await (const bytes of message.open()) {
    let body = bytes;
    if (head !== undefined) {
      const searched: number = Math.max(0, head.length - 3);
      head =
        head.length === 0
          ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
          : Buffer.concat([head, bytes]);
      const end = head[0] === 13 && head[1] === 10 ? 0 : head.indexOf('\r\n\r\n', searched);
      if (end === -1) continue;
      const section = end === 0 ? 0 : end + 2;
      await verifier.messageHeaders(fieldsOf(head.subarray(0, section), signatures));
      body = head.subarray(section + 2);
      head = undefined;
    }
    for (let at = 0; at < body.length; at += TURN) {
      await verifier.nextChunk(body.subarray(at, at + TURN));
      turn += Math.min(TURN, body.length - at);
      if (turn >= TURN) {
        turn = 0;
        await setImmediate();
      }
    }
  }
  if (head !== undefined) await verifier.messageHeaders(fieldsOf(head, signatures));
  await verifier.finalChunk();
}

function dkimResult({ status, signingDomain = '', selector = '' }: DkimAnswer): DkimResult {
  const { header = {}, policy = {}, comment = '' } = status;
  const weak = policy['dkim-rules'];
  return {
    result: status.result,
    domain: signingDomain.toLowerCase(),
    selector,
    identity: header.i ?? '',
    algorithm: header.a ?? '',
    signature: header.b ?? '',
    reason: status.result === 'none' ? '' : (weak ?? comment),
  };
}

function arcResult(
  { chain }: ArcData,
  { result, comment = '' }: { result: string; comment?: string },
): ArcResult {
  const sets = chain === false ? [] : chain;
  const first = sets[0]?.['arc-authentication-results']?.original?.toString('latin1') ?? '';
  return {
    result,
    reason: result === 'fail' ? comment : '',
    sealers: sets.map((set) => set['arc-seal']?.parsed?.d?.value?.toLowerCase() ?? ''),
    dmarcPassed: saysDmarcPass(first),
  };
}

/** Whether a field of results has `dmarc=pass` outside comments, which nest, and quoted strings. */
export function saysDmarcPass(field: string): boolean {
  let plain = '';
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < field.length; index++) {
    const character = field[index] as string;
    if (character === '\\' && (quoted || depth > 0)) index += 1;
    else if (quoted) quoted = character !== '"';
    else if (character === '(') depth += 1;
    else if (character === ')') depth = Math.max(0, depth - 1);
    else if (depth > 0) continue;
    else if (character === '"') quoted = true;
    else plain += character;
  }
  return /;\s*dmarc\s*=\s*pass(?![\w-])/i.test(plain);
}

async function checkDmarc(
  engine: Engine,
  { headerFrom, fromFields, results }: DkimVerifier,
  spf: SpfResult,
  lookups: Lookups,
): Promise<DmarcResult> {
  const passed = results.filter(({ status }) => status.result === 'pass');
  const { response, reason = '' } = await engine.evaluateDmarc({
    headerFrom,
    fromFields,
    spfDomains: spf.result === 'pass' ? [spf.domain] : [],
    dkimDomains: passed.map(({ id, signingDomain, status }) => ({
      id,
      domain: signingDomain,
      ...(status.underSized !== undefined && { underSized: status.underSized }),
    })),
    resolver: lookups.askForPolicy,
    strict: true,
  });
  const none = {
    policy: 'none',
    record: '',
    policyDomain: '',
    spfAligned: false,
    dkimAligned: false,
  } as const;
  // RFC 8601 §2.7.2 has `permerror` for what can never be evaluated.
  if (response === false) return { ...none, result: 'permerror', from: '', reason };
  const { status, alignment, policy = 'none', rr = '', policyDomain = '' } = response;
  const undecided = status.result === 'fail' && mayAlign(response.domain, [spf, ...results.map(dkimResult)]);
  return {
    result: undecided ? 'temperror' : status.result,
    from: status.header?.from ?? '',
    reason: undecided ? 'an aligned domain gave no answer' : '',
    policy,
    record: rr,
    policyDomain,
    spfAligned: alignment?.spf.result !== undefined,
    dkimAligned: alignment?.dkim.result !== undefined,
  };
}

/**
 * A check that DNS has kept from ending could still align: then the message has not failed (RFC 7489 §6.6.2). Only the
 * author's own domain counts, or anybody could put a refusal off with a dead name of his.
 */
function mayAlign(
  organization: string,
  checks: readonly { readonly result: string; readonly domain: string }[],
): boolean {
  return checks.some(
    ({ result, domain }) =>
      result === 'temperror' && (domain === organization || domain.endsWith(`.${organization}`)),
  );
}
