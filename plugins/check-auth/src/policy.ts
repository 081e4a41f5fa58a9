// What becomes of a message, from what the checks found out and what the operator says. Pure.

import { type Defer, type Quarantine, type Reject, Verdict } from '@posthouse/core';
import type { Action, Config } from './config.ts';
import type { MessageResults, SpfResult } from './results.ts';

export type Judgement = Reject | Quarantine | Defer;

/** What DMARC comes to for one message. */
export interface Disposition {
  readonly applied: 'none' | 'quarantine' | 'reject';
  /** RFC 7489 appendix C: why it is not what the author asked for. */
  readonly override?: 'sampled_out' | 'trusted_forwarder' | 'local_policy';
}

/** @param chance in [0, 1): decides who is sampled out by `pct` (RFC 7489 §6.6.4) */
export function dispositionOf(
  { dmarc, arc }: Pick<MessageResults, 'dmarc' | 'arc'>,
  config: Pick<Config, 'dmarc'>,
  chance: number,
): Disposition {
  if (dmarc.result !== 'fail') return { applied: 'none' };
  const { trustedSealers } = config.dmarc;
  const vouched =
    arc.result === 'pass' &&
    arc.dmarcPassed &&
    arc.sealers.every((sealer) => trustedSealers.includes(sealer));
  if (vouched) return { applied: 'none', override: 'trusted_forwarder' };
  const sampled = chance * 100 < percentageOf(dmarc.record);
  const asked = sampled ? dmarc.policy : WEAKER[dmarc.policy];
  const action = config.dmarc[asked];
  const applied = action === 'note' ? 'none' : action;
  if (applied !== asked) return { applied, override: 'local_policy' };
  return sampled || asked === dmarc.policy ? { applied } : { applied, override: 'sampled_out' };
}

const WEAKER = { reject: 'quarantine', quarantine: 'none', none: 'none' } as const;

/** RFC 7489 §6.3 `pct`. RFC 9989 has taken it out; those who publish it mean it. */
function percentageOf(record: string): number {
  const written = /;[ \t]*pct[ \t]*=[ \t]*(\d{1,3})[ \t]*(?:;|$)/i.exec(record)?.[1];
  return written === undefined ? 100 : Math.min(100, Number(written));
}

/** The verdict at the end of the message; undefined lets it pass. */
export function judgementOf(
  results: MessageResults,
  disposition: Disposition,
  config: Config,
  client: string,
): Judgement | undefined {
  const { spf, dkim, dmarc } = results;
  if (dmarc.result === 'temperror' && config.temporaryErrors === 'defer') {
    return Verdict.defer('4.4.3', 'The policy of the author cannot be looked up, please try again later', {
      reason: 'dmarc.temperror',
    });
  }
  if (dmarc.result === 'permerror') {
    const refused = judged(
      config.dmarc.unclearAuthor,
      '5.7.26',
      'It is not clear who has written this message',
      'dmarc.unclear-author',
    );
    if (refused !== undefined) return refused;
  }
  const { applied, override } = disposition;
  if (applied !== 'none') {
    return judged(
      applied,
      '5.7.26',
      `DMARC: not from ${dmarc.from}, whose policy is ${dmarc.policy}`,
      'dmarc.fail',
    );
  }
  // Whoever has vouched for the author has vouched for the message.
  if (dmarc.result === 'pass' || override === 'trusted_forwarder') return undefined;
  return (
    spfJudgement(spf, config, client) ??
    (dkim.every(({ result }) => result !== 'pass') && dkim.some(({ result }) => result === 'fail')
      ? judged(config.dkim.fail, '5.7.20', 'No DKIM signature of this message is good', 'dkim.fail')
      : undefined)
  );
}

/** RFC 7372 §3.2 has the codes. */
export function spfJudgement(
  { result, domain }: SpfResult,
  { spf }: Pick<Config, 'spf'>,
  client: string,
): Judgement | undefined {
  const reason = `spf.${result}`;
  if (result === 'fail' || result === 'softfail')
    return judged(spf[result], '5.7.23', `SPF: ${client} may not send for ${domain}`, reason);
  if (result === 'permerror')
    return judged(spf.permerror, '5.7.24', `SPF: the policy of ${domain} cannot be read`, reason);
  return undefined;
}

function judged(
  action: Action,
  status: `5.${number}.${number}`,
  text: string,
  reason: string,
): Judgement | undefined {
  if (action === 'note') return undefined;
  return action === 'reject' ? Verdict.reject(status, text, { reason }) : Verdict.quarantine(reason);
}
