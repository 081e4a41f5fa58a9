// Keeps a list of addresses that have refused mail for good, and sends them no more: refused at RCPT, or returned where
// an alias leads there. Not for: choosing what a refusal means, which is the BounceClassifier's.

import {
  Clock,
  type Delivery,
  definePlugin,
  type Events,
  type Mailbox,
  Outcome,
  type Timer,
  Verdict,
} from '@posthouse/core';
import { ConfigSchema } from './config.ts';
import { openDatabase, openToRead } from './database.ts';
import { domainKey, keyOf } from './key.ts';
import { COMPLAINT, type Entry, type Failure, SuppressionList } from './suppression-list.ts';

/** For `posthouse suppression`. */
export { addAddress, explainAddress, listAddresses, removeAddress } from './tool.ts';

/** Failures are written together, so that a thousand of them cost the disk one change. */
const FLUSH = 1000;
const MOST_WAITING = 10_000;
const PURGE = 3_600_000;
/** The types of complaints that ask for no more mail (RFC 5965 §7.3); `not-spam` and `auth-failure` do not. */
const COMPLAINTS: ReadonlySet<string> = new Set(['abuse', 'opt-out', 'opt-out-list']);

export default definePlugin({
  name: 'check-suppression',
  config: ConfigSchema,
  needs: { clock: Clock },
  setup({ config, clock, log }) {
    const classes = new Set<string>(config.classes);
    const own = new Set(config.ownDomains.map(domainKey));
    let list: SuppressionList | undefined;
    let waiting: Failure[] = [];
    const timers: Timer[] = [];

    const find = (recipient: Mailbox): Entry | undefined => list?.find(keyOf(recipient), clock.now());
    const count = (recipient: string, given: string | undefined, text: string): void => {
      if (given === undefined || !(classes.has(given) || given === COMPLAINT)) return;
      const at = recipient.lastIndexOf('@');
      const address = { local: recipient.slice(0, at), domain: recipient.slice(at + 1) };
      if (own.has(domainKey(address.domain)) || waiting.length >= MOST_WAITING) return;
      waiting.push({ address: keyOf(address), at: clock.now(), class: given, text });
    };
    const flush = (): void => {
      if (list === undefined || waiting.length === 0) return;
      const failures = waiting;
      waiting = [];
      try {
        for (const address of list.note(failures, config)) log.info({ address }, 'address suppressed');
      } catch (error) {
        // A failure that is not counted is no harm: the next one will be.
        log.error({ error: (error as Error).message, failures: failures.length }, 'failures not counted');
      }
    };
    const purge = (): void => {
      try {
        list?.purge(clock.now(), config);
      } catch (error) {
        log.error({ error: (error as Error).message }, 'the suppression list was not purged');
      }
    };

    return {
      describe: () => `addresses that refuse mail for good are kept in ${config.path}`,
      hooks: {
        'on-rcpt'({ recipient }) {
          if (!config.refuseAtRcpt) return;
          const entry = find(recipient);
          if (entry === undefined) return;
          return Verdict.reject('5.1.1', wordsOf(entry), { reason: 'suppression.listed' });
        },
        'on-deliver': {
          claim: (recipient) => (find(recipient) === undefined ? undefined : 'suppressed'),
          async deliver(delivery: Delivery) {
            await Promise.all(
              delivery.recipients.map((recipient) =>
                delivery.settle(recipient, outcomeFor(recipient.address, find(recipient.address))),
              ),
            );
          },
          sendsNothing: true,
        },
      },
      observe: {
        'recipient-settled'({ recipient, outcome }: Events['recipient-settled']) {
          if (outcome.kind === 'failed') count(recipient, outcome.class, `${outcome.status} ${outcome.text}`);
        },
        'feedback-received'({ kind, action, recipient, verified, ...said }: Events['feedback-received']) {
          if (config.feedback === 'none' || (config.feedback === 'verified' && !verified)) return;
          if (kind === 'bounce' && action === 'failed')
            count(recipient, said.class, `${said.status ?? ''} ${said.text ?? ''}`.trim());
          else if (kind === 'complaint' && COMPLAINTS.has(action)) count(recipient, COMPLAINT, action);
        },
      },
      start() {
        list = opened(config.path, openDatabase);
        purge();
        timers.push(clock.every(FLUSH, flush), clock.every(PURGE, purge));
      },
      rehearse() {
        list = opened(config.path, openToRead);
      },
      stop() {
        for (const timer of timers) timer.stop();
        flush();
        list?.close();
        list = undefined;
      },
    };
  },
});

function opened(path: string, open: typeof openDatabase): SuppressionList {
  try {
    return new SuppressionList(open(path));
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`, { cause: error });
  }
}

const REASONS: Readonly<Record<Entry['source'], string>> = {
  bounces: 'has refused mail for good, and is not tried again',
  complaints: 'has asked for no more mail',
  operator: 'is blocked here',
};

function wordsOf({ since, until, source }: Entry): string {
  const day = (at: number): string => new Date(at).toISOString().slice(0, 10);
  const end = until === null ? '' : ` until ${day(until)}`;
  return `This address ${REASONS[source]}, since ${day(since)}${end} (suppressed)`;
}

/** Of a class that never counts, or the list would feed on itself. What was taken off since is claimed anew. */
function outcomeFor(address: Mailbox, entry: Entry | undefined): Outcome {
  if (entry === undefined) return Outcome.redirected([address]);
  return { kind: 'failed', status: '5.1.1', text: wordsOf(entry), class: 'policy' };
}
