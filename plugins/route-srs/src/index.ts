// Rewrites the sender of mail that is forwarded elsewhere (SRS), so that SPF holds there, and brings its bounces home.
// Not for: choosing what is forwarded, which is for route-aliases and its like.

import { domainToASCII } from 'node:url';
import {
  Clock,
  type Delivery,
  definePlugin,
  type Mailbox,
  Outcome,
  PosthouseError,
  parseMailbox,
  type Recipient,
  type ReversePath,
  Verdict,
} from '@posthouse/core';
import { type Config, ConfigSchema } from './config.ts';
import { forwardAddress, isSrs, readAddress, type SrsSettings } from './srs-address.ts';

const NAME = 'route-srs';
const DAY = 86_400_000;
/** The lanes: what leaves with another sender, and what comes home. */
const OUT = 'out';
const HOME = 'home';

export default definePlugin({
  name: NAME,
  config: ConfigSchema,
  needs: { clock: Clock },
  setup({ config, clock }) {
    const settings = settingsOf(config);
    const own = new Set([settings.domain, ...config.ownDomains.map(ascii)]);
    const isHome = ({ local, domain }: Mailbox): boolean => ascii(domain) === settings.domain && isSrs(local);
    const isForeign = (domain: string): boolean => domain !== '' && !own.has(ascii(domain));
    const addressFor = (sender: Mailbox): Mailbox | undefined =>
      forwardAddress(sender, settings, clock.now());

    const leaves = (recipient: Mailbox, sender: ReversePath, redirectedBy: readonly string[]): boolean =>
      redirectedBy.length > 0 &&
      sender !== null &&
      isForeign(sender.domain) &&
      isForeign(recipient.domain) &&
      addressFor(sender) !== undefined;

    const outcomeFor = (delivery: Delivery, { address }: Recipient): Outcome => {
      if (delivery.destination === HOME) return homeward(address);
      const sender = delivery.sender === null ? undefined : addressFor(delivery.sender);
      return Outcome.redirected([address], sender && { sender });
    };
    const homeward = ({ local }: Mailbox): Outcome => {
      const reading = readAddress(local, settings, clock.now());
      // What was good when it came may have grown too old in the queue: the mail goes home all the same.
      if ('address' in reading) return Outcome.redirected([reading.address]);
      return Outcome.failed('5.1.1', 'The return address was not given by us');
    };

    return {
      describe: () => `forwarded mail leaves with a sender at ${settings.domain}`,
      hooks: {
        'on-rcpt'({ recipient, sender }) {
          if (!isHome(recipient)) return;
          if (config.nullSenderOnly && sender !== null)
            return Verdict.reject('5.7.1', 'This address takes bounces only', { reason: 'srs.no-bounce' });
          const reading = readAddress(recipient.local, settings, clock.now());
          switch (reading.kind) {
            case 'original':
              return Verdict.accept({ reason: 'srs.valid' });
            case 'expired':
              return Verdict.reject('5.1.1', 'This return address has expired', { reason: 'srs.expired' });
            default:
              return Verdict.reject('5.1.1', 'This return address was not given by us', {
                reason: 'srs.forged',
              });
          }
        },
        'on-deliver': {
          claim(recipient, { sender, redirectedBy }) {
            if (isHome(recipient)) return HOME;
            return leaves(recipient, sender, redirectedBy) ? OUT : undefined;
          },
          async deliver(delivery) {
            const [first, ...others] = delivery.recipients as readonly [Recipient, ...Recipient[]];
            if (others.length === 0) return outcomeFor(delivery, first);
            const settled = delivery.recipients.map((recipient) =>
              delivery.settle(recipient, outcomeFor(delivery, recipient)),
            );
            await Promise.all(settled);
            return;
          },
          sendsNothing: true,
        },
      },
    };
  },
});

function settingsOf({ domain, secrets, hashLength, maxAge }: Config): SrsSettings {
  const invalid = (text: string) => new PosthouseError('config-invalid', `${NAME}: ${text}`);
  if (parseMailbox(`postmaster@${domain}`) === undefined || domain.startsWith('['))
    throw invalid(`domain "${domain}" is not a domain name`);
  const days = Math.floor(maxAge / DAY);
  // The time stamp counts 1024 days and begins anew.
  if (days < 1 || days > 1000) throw invalid('maxAge must be between 1 and 1000 days');
  return { domain: ascii(domain), secrets, hashLength, maxAge: days };
}

/** U-labels and A-labels of the same name are the same domain (RFC 5890 §2.3.2.1). */
function ascii(domain: string): string {
  return (/[^ -~]/.test(domain) ? domainToASCII(domain) || domain : domain).toLowerCase();
}
