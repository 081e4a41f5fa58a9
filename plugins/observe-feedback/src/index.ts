// Reads what comes back to our bounce and complaint addresses, and tells of it as events: who did not get his mail and
// why, and who complained. Not for: acting on it, which is check-suppression's and yours.

import {
  BounceClassifier,
  definePlugin,
  EventSink,
  type Events,
  type Mailbox,
  PosthouseError,
  parseMailbox,
  type ReceivedMessage,
  type RecipientVerdict,
  Type,
  Verdict,
} from '@posthouse/core';
import { type About, type Feedback, parseFeedback, type ReportedRecipient } from './feedback.ts';
import { MOST_OCTETS } from './mime-parts.ts';
import { readVerp, type VerpReading, type VerpSettings } from './verp.ts';

/** For programs that write mail: the reverse-path for a recipient. */
export { type VerpSettings, verpAddress } from './verp.ts';

type Told = Omit<Events['feedback-received'], 'session'>;

export default definePlugin({
  name: 'observe-feedback',
  config: Type.Object(
    {
      addresses: Type.Array(Type.String(), {
        minItems: 1,
        description:
          'Our bounce and complaint addresses: `bounces@lists.example` takes `bounces+ann=example.org@lists.example` as well.',
      }),
      secrets: Type.With(Type.Array(Type.String({ minLength: 16 })), {
        default: [],
        description:
          'Keys of the hash in the addresses, out of secrets. The first one writes, all of them read. Without any nothing is verified.',
      }),
      afterwards: Type.With(Type.Union([Type.Literal('deliver'), Type.Literal('discard')]), {
        default: 'deliver',
        description: 'What becomes of a report that was understood. What was not is always delivered.',
      }),
    },
    { additionalProperties: false },
  ),
  needs: { events: EventSink, classifier: BounceClassifier },
  setup({ config, events, classifier }) {
    const places = config.addresses.map((written) => placeOf(written, config.secrets));
    const read = (address: Mailbox): VerpReading | undefined => {
      for (const place of places) {
        const reading = readVerp(address, place);
        if (reading !== undefined) return reading;
      }
      return undefined;
    };
    const classOf = (each: ReportedRecipient): Told['class'] => {
      if (each.action !== 'failed' && each.action !== 'delayed') return undefined;
      const kind = each.action === 'failed' ? 'failed' : 'deferred';
      const text = each.diagnostic ?? '';
      const remote = { host: each.remoteMta ?? '', reply: text };
      const status = each.status as `5.${number}.${number}`;
      return classifier.classify({ kind, status, text, ...(text !== '' && { remote }) });
    };
    const toldOf = (feedback: Feedback, verp: Mailbox | undefined): readonly Told[] => {
      const about = feedback.about.messageId;
      const shared = { verified: verp !== undefined, ...(about !== undefined && { about }) };
      if (feedback.kind === 'complaint') {
        const { type, reporter } = feedback;
        const recipients = verp === undefined ? feedback.recipients : [verp];
        return recipients.map((recipient) => ({
          kind: 'complaint',
          action: type,
          recipient: recipient.toString(),
          ...shared,
          ...(reporter !== undefined && { reporter }),
        }));
      }
      return reportsFor(feedback.recipients, verp).map(([recipient, each]) => {
        const given = classOf(each);
        return {
          kind: 'bounce',
          action: each.action,
          recipient: recipient.toString(),
          status: each.status,
          ...shared,
          ...(given !== undefined && { class: given }),
          ...(each.diagnostic !== undefined && { text: each.diagnostic }),
          ...(feedback.reportingMta !== undefined && { reporter: feedback.reportingMta }),
        };
      });
    };

    return {
      describe: () => `bounces and complaints come to ${config.addresses.join(', ')}`,
      hooks: {
        'on-rcpt'({ recipient }) {
          switch (read(recipient)?.kind) {
            case undefined:
              return;
            case 'forged':
              return Verdict.reject('5.1.1', 'This return address was not given by us', {
                reason: 'feedback.forged',
              });
            default:
              return Verdict.accept({ reason: 'feedback.address' });
          }
        },
        'on-data'({ session, message, recipients }) {
          const ours = recipients.filter((recipient) => read(recipient) !== undefined);
          if (ours.length === 0) return;
          return understand(message).then((feedback) => {
            if (feedback === undefined) return;
            const verp = verifiedOf([...ours, ...pathOf(feedback.about)], read);
            for (const told of toldOf(feedback, verp))
              events.emit('feedback-received', { session: session.id, ...told });
            return config.afterwards === 'discard' ? discarded(ours, recipients) : undefined;
          });
        },
      },
    };
  },
});

function placeOf(written: string, secrets: readonly string[]): VerpSettings {
  const address = parseMailbox(written);
  if (address === undefined || address.local.includes('+'))
    throw new PosthouseError('config-invalid', `observe-feedback: "${written}" is not an address without +`);
  return { prefix: address.local, domain: address.domain, secrets };
}

async function understand(message: ReceivedMessage): Promise<Feedback | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of message.open()) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= MOST_OCTETS) break;
  }
  return parseFeedback(Buffer.concat(chunks));
}

/** The recipient that an address names which only we can have written. */
function verifiedOf(
  addresses: readonly Mailbox[],
  read: (address: Mailbox) => VerpReading | undefined,
): Mailbox | undefined {
  for (const address of addresses) {
    const reading = read(address);
    if (reading?.kind === 'recipient' && reading.verified) return reading.recipient;
  }
  return undefined;
}

function pathOf({ returnPath }: About): readonly Mailbox[] {
  return returnPath === undefined ? [] : [returnPath];
}

/** Where the return address names the recipient, the report is about him, whomever his mail was forwarded to. */
function reportsFor(
  recipients: readonly ReportedRecipient[],
  verp: Mailbox | undefined,
): readonly (readonly [Mailbox, ReportedRecipient])[] {
  if (verp === undefined) return recipients.map((each) => [each.original ?? each.address, each]);
  const worst = recipients.find(({ action }) => action === 'failed') ?? recipients[0];
  return worst === undefined ? [] : [[verp, worst]];
}

function discarded(ours: readonly Mailbox[], all: readonly Mailbox[]): Verdict {
  const discard = Verdict.discard('feedback understood');
  if (ours.length === all.length) return discard;
  return Verdict.perRecipient(new Map<Mailbox, RecipientVerdict>(ours.map((each) => [each, discard])));
}
