// Holds the header section of messages against RFC 5322, rule by rule; each is off, noted, or a reason to refuse.
// Not for: mending messages; who the author really is (check-auth).

import { addReason, definePlugin, LET_THROUGH, note, Verdict } from '@posthouse/core';
import { ConfigSchema } from './config.ts';
import { faultsOf, type Rule } from './faults.ts';

/** The rules that the message breaks, those that are off left out. */
const RESULT = note<readonly Rule[]>('check-headers/result');

export default definePlugin({
  name: 'check-headers',
  config: ConfigSchema,
  setup({ config }) {
    const bounds = {
      line: config.maxLine,
      size: config.maxSize,
      fields: config.maxFields,
      parts: config.maxParts,
      depth: config.maxDepth,
    };
    return {
      describe: () => 'header sections are held against RFC 5322',
      hooks: {
        'on-data': ({ message, parameters, notes }) => {
          if (notes.get(LET_THROUGH) !== undefined) return undefined;
          const { header, mime } = message;
          const smtputf8 = parameters.smtputf8 === true;
          const faults = faultsOf({ header, mime, smtputf8 }, bounds).filter(
            ({ rule }) => config[rule] !== 'off',
          );
          if (faults.length === 0) return undefined;
          notes.set(
            RESULT,
            faults.map(({ rule }) => rule),
          );
          const worst = faults.find(({ rule }) => config[rule] === 'reject');
          // RFC 3463 §3.7: other or undefined media error.
          if (worst !== undefined)
            return Verdict.reject('5.6.0', worst.text, { code: 554, reason: `headers.${worst.rule}` });
          if (config.weight !== 0)
            for (const { rule } of faults) addReason(notes, `headers.${rule}`, config.weight);
          return undefined;
        },
      },
    };
  },
});
