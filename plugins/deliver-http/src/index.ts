// Posts messages to an HTTP endpoint, signed, each with a key by which the endpoint can know a repetition.
// Not for: endpoints of other operators that must be discovered; queueing and retries, which are the core's.

import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Clock, type Delivery, definePlugin, Outcome, PosthouseError, type Recipient } from '@posthouse/core';
import { ClaimedDomains } from '@posthouse/core/client';
import { type Config, ConfigSchema } from './config.ts';
import { type Envelope, envelopeOf, groups } from './envelope.ts';
import { outcomeOfAnswer } from './outcome-of-answer.ts';
import { jsonPayload, type Payload, parsedPayload, rawPayload } from './payload.ts';
import { type NoAnswer, type Post, post } from './post.ts';
import { signatureOf } from './signature.ts';

type Endpoint = Pick<Post, 'url' | 'agent' | 'ca' | 'silence' | 'clock'>;

export default definePlugin({
  name: 'deliver-http',
  config: ConfigSchema,
  needs: { clock: Clock },
  setup({ config, clock }) {
    const domains = new ClaimedDomains(config.domains);
    const url = urlOf(config.url);
    const destination = `${url.origin}${url.pathname}`;
    const Agent = url.protocol === 'https:' ? HttpsAgent : HttpAgent;
    const agent = new Agent({ keepAlive: true, timeout: config.idleTimeout });
    let endpoint: Endpoint = { url, agent, ca: undefined, silence: config.silence, clock };
    return {
      describe: () => `mail for ${config.domains.join(', ')} is posted to ${destination}`,
      hooks: {
        'on-deliver': {
          claim: ({ domain }) => (domains.find(domain) === undefined ? undefined : destination),
          deliver: (delivery) => deliver(delivery, config, endpoint),
          ...(config.concurrency !== undefined && { laneConcurrency: config.concurrency }),
        },
      },
      start() {
        if (config.ca !== undefined) endpoint = { ...endpoint, ca: readFileSync(config.ca, 'utf8') };
      },
      rehearse: 'start',
      stop: () => agent.destroy(),
    };
  },
});

async function deliver(delivery: Delivery, config: Config, endpoint: Endpoint): Promise<Outcome | undefined> {
  if (delivery.message.size > config.maxSize)
    return Outcome.failed('5.3.4', 'The message is bigger than the endpoint takes');
  const [first = [], ...others] = groups(delivery.recipients, config.recipientsPerRequest);
  if (others.length === 0) return deliverTo(first, delivery, config, endpoint);
  for (const group of [first, ...others]) {
    const outcome = await deliverTo(group, delivery, config, endpoint);
    await Promise.all(group.map((recipient) => delivery.settle(recipient, outcome)));
    // What nobody answers for one group nobody answers for the next.
    if (outcome.kind === 'deferred' && outcome.scope === 'destination') return outcome;
  }
  return undefined;
}

async function deliverTo(
  recipients: readonly Recipient[],
  delivery: Delivery,
  config: Config,
  endpoint: Endpoint,
): Promise<Outcome> {
  const { url, clock } = endpoint;
  const envelope = envelopeOf(delivery, recipients);
  const payload = await payloadOf(delivery, config, envelope);
  const headers = await headersOf(envelope, payload, config, clock);
  const what: Post = { ...endpoint, headers, payload, signal: delivery.signal };
  let heard = await post(what);
  if ('stale' in heard && heard.stale) heard = await post(what);
  return 'status' in heard
    ? outcomeOfAnswer(heard, url.host, clock.now())
    : outcomeOfSilence(heard, url.host);
}

function payloadOf(
  { message }: Delivery,
  { format }: Config,
  envelope: Envelope,
): Payload | Promise<Payload> {
  if (format === 'raw') return rawPayload(message);
  return format === 'json' ? jsonPayload(message, envelope) : parsedPayload(message, envelope);
}

async function headersOf(
  envelope: Envelope,
  payload: Payload,
  { headers, secret }: Config,
  clock: Clock,
): Promise<Record<string, string>> {
  return {
    'user-agent': 'Posthouse',
    ...headers,
    'idempotency-key': envelope.key,
    'posthouse-envelope': envelope.json,
    ...(secret !== undefined && {
      'posthouse-signature': await signatureOf(secret, envelope, payload, clock.now()),
    }),
  };
}

function outcomeOfSilence({ problem, sent, untrusted }: NoAnswer, host: string): Outcome {
  if (untrusted)
    return Outcome.deferred('4.7.5', `${host} is not trusted: ${problem}`, { scope: 'destination' });
  // The endpoint may have the message; the idempotency key tells it so when the message comes again.
  if (sent) return Outcome.deferred('4.4.2', `${host} did not answer: ${problem}`);
  return Outcome.deferred('4.4.1', `${host} could not be reached: ${problem}`, { scope: 'destination' });
}

function urlOf(text: string): URL {
  const url = URL.parse(text);
  if (url === null) throw new PosthouseError('config-invalid', `deliver-http: url: not a URL: ${text}`);
  if (url.username !== '' || url.password !== '')
    throw new PosthouseError('config-invalid', 'deliver-http: url: credentials belong into headers');
  return url;
}
