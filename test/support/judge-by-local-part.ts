// Gives each recipient of one message a verdict of its own, by what its local part is called.

import { definePlugin, type RecipientVerdict, Verdict } from '@posthouse/core';

const VERDICTS: Readonly<Record<string, RecipientVerdict>> = {
  full: Verdict.reject('5.2.2', 'Mailbox full'),
  busy: Verdict.defer('4.2.1', 'Mailbox busy'),
};

export default definePlugin({
  name: 'judge-by-local-part',
  setup: () => ({
    hooks: {
      'on-data': ({ recipients }) =>
        Verdict.perRecipient(
          new Map(
            recipients.flatMap((recipient) => {
              const verdict = VERDICTS[recipient.local];
              return verdict === undefined ? [] : [[recipient, verdict] as const];
            }),
          ),
        ),
    },
  }),
});
