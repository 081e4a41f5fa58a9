// Gives every failure and deferral its class, before anything is done about it. Whoever classifies may be a plugin: what
// it throws, and what it says that is no class, becomes `other`. Not for: the core's own table (bounce-table.ts).

import { BOUNCE_CLASSES, type BounceClassifier, type Logger, type Outcome } from '../contract/index.ts';
import type { Outcomes } from './settlement.ts';
import { wordsOf } from './trouble.ts';

/** Outcomes that are one object stay one. */
export function classified(outcomes: Outcomes, classifier: BounceClassifier, log: Logger): Outcomes {
  if (!outcomes.some(wantsClass)) return outcomes;
  const known = new Map<Outcome, Outcome>();
  return outcomes.map((outcome) => {
    if (!wantsClass(outcome)) return outcome;
    const before = known.get(outcome);
    if (before !== undefined) return before;
    const now = { ...outcome, class: classOf(outcome, classifier, log) };
    known.set(outcome, now);
    return now;
  });
}

type Trouble = Extract<Outcome, { kind: 'failed' | 'deferred' }>;

function wantsClass(outcome: Outcome): outcome is Trouble {
  return (outcome.kind === 'failed' || outcome.kind === 'deferred') && outcome.class === undefined;
}

function classOf(trouble: Trouble, classifier: BounceClassifier, log: Logger): keyof typeof BOUNCE_CLASSES {
  try {
    const answer = classifier.classify(trouble);
    if (Object.hasOwn(BOUNCE_CLASSES, answer)) return answer;
    log.error({ answer: String(answer) }, 'the bounce classifier answered what is no class');
  } catch (error) {
    log.error({ error: wordsOf(error) }, 'the bounce classifier failed');
  }
  return 'other';
}
