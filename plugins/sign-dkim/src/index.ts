// Signs outgoing mail with DKIM (RFC 6376, RFC 8301, RFC 8463), over the message as it goes out.
// Not for: checking the signatures of others; bounces, which the server writes itself and nobody authors.

import { Clock, definePlugin, PosthouseError, parseMailbox, type Timer } from '@posthouse/core';
import { asciiDomain } from './author-domains.ts';
import { type Config, ConfigSchema } from './config.ts';
import { KeyRing } from './key-ring.ts';
import { Occasion } from './occasion.ts';
import { Signer } from './signer.ts';

export default definePlugin({
  name: 'sign-dkim',
  config: ConfigSchema,
  needs: { clock: Clock },
  setup({ config, clock, log }) {
    const keys = new KeyRing(config.keys, log);
    checkDomains(config, keys);
    const occasion = new Occasion(config.when);
    const signer = new Signer(config, keys);
    let timer: Timer | undefined;
    return {
      describe: () => `mail of ${[...new Set(config.keys.map(({ domain }) => domain))].join(', ')} is signed`,
      hooks: {
        'on-data': {
          // The commit calls signers last whatever their place; late, so that the list reads as it happens.
          order: 'late',
          handler({ session, sender, edits }) {
            if (!occasion.has(session)) return;
            edits.sign((message) => signer.sign(message, sender, clock.now()));
          },
        },
      },
      ownMailSigner: ({ sender }) => {
        const from = sender === '' ? null : (parseMailbox(sender) ?? null);
        return (message) => signer.sign(message, from, clock.now());
      },
      async start() {
        await keys.load();
        timer = clock.every(config.reloadEvery, () => void keys.reload());
      },
      rehearse: 'start',
      stop: () => timer?.stop(),
    };
  },
});

function checkDomains({ also, headers, oversign }: Config, keys: KeyRing): void {
  const invalid = (text: string) => new PosthouseError('config-invalid', `sign-dkim: ${text}`);
  for (const [index, domain] of also.entries()) {
    if (!keys.has(asciiDomain(domain))) throw invalid(`also[${index}] "${domain}" has no key in keys`);
  }
  for (const name of [...headers, ...oversign]) {
    // RFC 6376 §5.4: these come and go on the way, or are the signatures themselves.
    if (/^(return-path|received|dkim-signature)$/i.test(name))
      throw invalid(`${name} must not be signed: it is not kept as it is on the way`);
  }
}
