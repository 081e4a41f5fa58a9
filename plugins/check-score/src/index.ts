// Adds up what other checks say against a message, and decides: refuse, hold, mark, pass.
// Not for: finding anything out by itself.

import {
  type DataAsked,
  definePlugin,
  type HookTable,
  LET_THROUGH,
  type Notes,
  note,
  type RcptAsked,
  type SessionView,
  Type,
  Verdict,
  WEIGHTED_REASONS,
} from '@posthouse/core';

const RESULT = note<{ readonly score: number; readonly reasons: readonly string[] }>('check-score/result');
/** Reasons that a field names, the weightiest first. */
const MAX_NAMED = 20;

export default definePlugin({
  name: 'check-score',
  config: Type.Object(
    {
      reject: Type.With(Type.Number(), {
        default: 10,
        description: 'The sum from which a message is refused.',
      }),
      quarantine: Type.Optional(
        Type.Number({ description: 'The sum from which it is held, where no reject.' }),
      ),
      mark: Type.With(Type.Number(), {
        default: 5,
        description: 'The sum from which `X-Spam: Yes` is written into it.',
      }),
      field: Type.With(Type.String({ pattern: '^[!-9;-~]{1,60}$' }), {
        default: 'X-Spam',
        description: 'The name of that field, and with `-Score` behind it of the one with the sum.',
      }),
    },
    { additionalProperties: false },
  ),
  setup({ config, log }) {
    const { reject, quarantine, mark, field } = config;
    const scoreField = `${field}-Score`;
    return {
      describe: () => `messages with ${reject} points against them are refused`,
      hooks: {
        // Late: everybody else has spoken. What suffices before the message need not wait for it.
        'on-rcpt': { order: 'late', handler: ({ notes, session }: RcptAsked) => refusal(notes, session) },
        'on-data': { order: 'late', handler: judge },
      },
    };

    function judge({
      session,
      notes,
      message,
      edits,
    }: DataAsked): HookTable['on-data']['answer'] | undefined {
      if (isExempt(notes, session)) return undefined;
      const refused = refusal(notes, session);
      if (refused !== undefined) return refused;
      const { score, reasons } = sumOf(notes);
      notes.set(RESULT, { score, reasons });
      if (quarantine !== undefined && score >= quarantine) return Verdict.quarantine('score.quarantine');
      for (const name of [field, scoreField])
        if (message.headers.first(name) !== undefined) edits.removeHeader(name);
      if (reasons.length > 0) edits.prependHeader(scoreField, `${score} (${reasons.join(', ')})`);
      if (score >= mark) edits.prependHeader(field, 'Yes');
      return undefined;
    }

    function refusal(notes: Notes, session: SessionView): ReturnType<typeof Verdict.reject> | undefined {
      if (isExempt(notes, session)) return undefined;
      const { score, reasons } = sumOf(notes);
      if (score < reject) return undefined;
      log.info({ session: session.id, score, reasons }, 'refused by the sum of its reasons');
      return Verdict.reject('5.7.1', 'Too much speaks against this message', { reason: 'score.reject' });
    }
  },
});

function isExempt(notes: Notes, session: SessionView): boolean {
  return session.user !== undefined || notes.get(LET_THROUGH) !== undefined;
}

/** Tags are plugins' own words, and end up in a header field: what does not fit there is left out. */
function sumOf(notes: Notes): { readonly score: number; readonly reasons: readonly string[] } {
  const all = notes.get(WEIGHTED_REASONS) ?? [];
  const sum = all.reduce((total, { weight }) => total + weight, 0);
  const named = [...all].sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight)).slice(0, MAX_NAMED);
  return {
    score: Math.round(sum * 100) / 100,
    reasons: named.map(({ reason, weight }) => `${reason.replace(/[^!-~]/g, '').slice(0, 60)}=${weight}`),
  };
}
