// Seals messages with ARC (RFC 8617), so that whoever gets them from us can believe what we saw on their arrival.
// Not for: checking chains (check-auth); signing as the author (sign-dkim).

import {
  AuthenticationResultsRules,
  Clock,
  definePlugin,
  note,
  PosthouseError,
  type Timer,
} from '@posthouse/core';
import { ConfigSchema } from './config.ts';
import { loadSealer, type Sealer, sealed } from './seal.ts';
import { SealingKey } from './sealing-key.ts';

/** What check-auth says of the chain that a message came with. */
const CHAIN = note<{ readonly result: string }>('check-auth/arc');

export default definePlugin({
  name: 'sign-arc',
  config: ConfigSchema,
  needs: { clock: Clock, rules: AuthenticationResultsRules },
  setup({ config, clock, rules, log }) {
    const { domain, selector } = config;
    const sealingKey = new SealingKey(config, log);
    let sealer: Sealer | undefined;
    let timer: Timer | undefined;
    return {
      describe: () => `messages that were checked are sealed by ${domain}`,
      hooks: {
        'on-data': {
          // Behind check-auth, whose note tells what arrived, and behind other signers.
          order: 'late',
          handler({ notes, edits, log: logged }) {
            const cv = notes.get(CHAIN)?.result;
            // RFC 8617 §5.1: only who has looked at the chain can say what it was.
            if (cv !== 'none' && cv !== 'pass' && cv !== 'fail') return;
            edits.sign(async (message) => {
              const { key } = sealingKey;
              if (sealer === undefined || key === undefined)
                throw new PosthouseError('plugin-invalid', 'sign-arc is not started');
              const facts = {
                domain,
                selector,
                key,
                cv,
                now: clock.now(),
                authservId: rules.authservId,
              } as const;
              const result = await sealed(sealer, message, facts);
              if ('fields' in result) return result.fields;
              logged.debug({ reason: result.refused }, 'message not sealed');
              return '';
            });
          },
        },
      },
      async start() {
        await sealingKey.load();
        sealer = await loadSealer();
        timer = clock.every(config.reloadEvery, () => void sealingKey.reload());
      },
      rehearse: 'start',
      stop: () => timer?.stop(),
    };
  },
});
