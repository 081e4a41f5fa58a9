// A story for people: what it comes to, then what happened, line by line. Whatever came from outside is shown, never obeyed.

import type { Story, TracedEvent } from '../contract/index.ts';
import { roughByteSize, roughDuration } from '../server/configuration/index.ts';
import { columns } from './columns.ts';
import { AT, address, conclusionsOf, text, time } from './why-conclusion.ts';

type Facts = TracedEvent['facts'];

export function storyText(story: Story): string {
  const { session, message, events } = story;
  const head = message === undefined ? `Connection ${text(session)}` : `Message ${text(message)}`;
  const began = events[0] === undefined ? '' : `, ${time(events[0].at)}`;
  const conclusions = conclusionsOf(story).map((sentence) => `  ${sentence}\n`);
  const rows = events.map(({ at, name, facts }) => [clock(at), lineOf(name, facts)]);
  const lines = columns([], rows).replace(/^/gm, '    ').trimEnd();
  return `${head}${began}\n${conclusions.join('')}\n${lines}\n`;
}

function clock(at: number): string {
  return new Date(at).toISOString().slice(11, 23);
}

function lineOf(name: TracedEvent['name'], facts: Facts): string {
  switch (name) {
    case 'connection-opened':
      return `${text(facts.remoteAddress)} port ${text(facts.remotePort)} connected to ${text(facts.listener)}`;
    case 'connection-closed':
      return `connection closed after ${duration(facts.milliseconds)}: ${text(facts.why)}`;
    case 'verdict-given':
      return verdictLine(facts);
    case 'message-authenticated':
      return authenticatedLine(facts);
    case 'handler-failed':
      return `${text(facts.plugin)} ${text(facts.problem)} in ${text(facts.hook)} after ${duration(facts.milliseconds)}: ${text(facts.error)}`;
    case 'command-refused':
      return `refused: ${text(facts.code)} ${text(facts.status)} ${text(facts.text)}`;
    case 'message-queued':
      return `${facts.plugin === undefined ? '' : `written by ${text(facts.plugin)} and `}queued as ${text(facts.message)}, ${roughByteSize(Number(facts.size))}${facts.held === true ? ', held' : ''}`;
    case 'message-discarded':
      return `discarded by ${text(facts.plugin)}: ${text(facts.reason)}`;
    case 'exchange-finished':
      return exchangeLine(facts);
    case 'attempt-finished':
      return `attempt ${text(facts.attempt)} by ${text(facts.transport) || 'nobody'} to ${text(facts.destination) || 'nowhere'}: ${text(facts.outcome)} in ${duration(facts.milliseconds)}${facts.next === undefined ? '' : `, next ${time(facts.next)}`}`;
    case 'recipient-settled':
      return settledLine(facts);
    case 'notice-queued':
      return `notice (${text(facts.action)}) ${text(facts.message)} queued for ${address(facts.to)}`;
    case 'queue-changed':
      return changedLine(facts);
    case 'quarantine-expired':
      return `dropped: nobody released it from the quarantine of ${text(facts.plugin)} (${text(facts.text)})`;
    case 'notice-dropped':
      return `nobody to tell: ${text(facts.text)}`;
    case 'feedback-received':
      return feedbackLine(facts);
    default:
      return `${text(name)} ${text(facts)}`;
  }
}

function verdictLine(facts: Facts): string {
  const { hook, plugin, verdict, sender, recipient, status, reason, applied } = facts;
  const who = plugin === null ? 'by default' : `by ${text(plugin)} in ${duration(facts.milliseconds)}`;
  const whom =
    recipient !== undefined ? ` ${address(recipient)}` : sender !== undefined ? ` ${address(sender)}` : '';
  const said = [status, facts.text]
    .filter((part) => part !== undefined)
    .map(text)
    .join(' ');
  const tag = reason === undefined ? '' : ` [${text(reason)}]`;
  return `${AT[String(hook)] ?? text(hook)}${whom}: ${text(verdict)} ${who}${said === '' ? '' : `: ${said}`}${tag}${applied === false ? ' (observed, not applied)' : ''}`;
}

/** `SPF pass client.example; DKIM pass a.example; ARC none; DMARC pass a.example (p=reject)`. */
function authenticatedLine({ spf, dkim, arc, dmarc }: Facts): string {
  const one = (method: string, { result, domain }: Facts): string =>
    `${method} ${text(result)}${domain === undefined || domain === '' ? '' : ` ${text(domain)}`}`;
  const { result, from, record, policy } = dmarc as Facts;
  const asked = record === '' ? '' : ` (p=${text(policy)})`;
  return [
    one('SPF', spf as Facts),
    ...(dkim as readonly Facts[]).map((signature) => one('DKIM', signature)),
    one('ARC', arc as Facts),
    `${one('DMARC', { result, domain: from })}${asked}`,
  ].join('; ');
}

function exchangeLine(facts: Facts): string {
  const { host, address: ip, port, reused, trouble, policy, milliseconds } = facts;
  const tls = facts.tls as Facts | undefined;
  const where = ip === '' ? text(host) : `${text(host)}[${text(ip)}]:${text(port)}`;
  const wrong = facts.policyFault === undefined ? '' : `, though ${text(facts.policyFault)}`;
  const by = policy === undefined ? '' : ` by ${text(policy)}${wrong}`;
  const how = `${tls === undefined ? 'in clear' : `${text(tls.version)} ${text(tls.cipher)}`}${by}`;
  if (trouble !== undefined)
    return `${where}: no connection${by} after ${duration(milliseconds)}: ${text(trouble)}`;
  const replies = (facts.replies as readonly Facts[]).map(({ command, reply, recipients }) => {
    const count = Number(recipients) > 1 ? ` (${text(recipients)} recipients)` : '';
    return `${text(command)} "${reply === null ? 'connection lost' : text(reply)}"${count}`;
  });
  return `${where}${reused === true ? ' (kept connection)' : ''}, ${how}, ${duration(milliseconds)}: ${replies.join('; ')}`;
}

function settledLine({ recipient, outcome }: Facts): string {
  const { kind, status, text: words, reason, class: kindOfTrouble, to, sender } = outcome as Facts;
  const details = [status, words, reason]
    .filter((part) => part !== undefined)
    .map(text)
    .join(' ');
  const targets = Array.isArray(to) ? ` to ${to.map(address).join(', ')}` : '';
  const from = sender === undefined ? '' : ` from ${address(sender)}`;
  const tag = kindOfTrouble === undefined ? '' : ` [${text(kindOfTrouble)}]`;
  return `${address(recipient)}: ${text(kind)}${targets}${from}${details === '' ? '' : `: ${details}`}${tag}`;
}

function changedLine({ action, item, transport, destination, text: words, inDelivery }: Facts): string {
  const to =
    transport === undefined ? '' : ` to ${text(transport ?? 'whoever claims it')} ${text(destination)}`;
  const said = words === undefined ? '' : `: ${text(words)}`;
  const meanwhile = inDelivery === true ? ' (in mid-delivery)' : '';
  return `${text(action)} by an operator${to.trimEnd()}${said}${meanwhile}, item ${text(item)}`;
}

function feedbackLine(facts: Facts): string {
  const { kind, action, recipient, verified, status, reporter, class: kindOfTrouble } = facts;
  const by = reporter === undefined ? '' : ` by ${text(reporter)}`;
  const said = [status, facts.text]
    .filter((part) => part !== undefined)
    .map(text)
    .join(' ');
  const tag = kindOfTrouble === undefined ? '' : ` [${text(kindOfTrouble)}]`;
  const proof = verified === true ? '' : ' (anybody can have written it)';
  return `${text(kind)} reported${by}: ${address(recipient)}: ${text(action)}${said === '' ? '' : `: ${said}`}${tag}${proof}`;
}

function duration(milliseconds: unknown): string {
  const value = Number(milliseconds);
  return value < 1000 ? `${Math.round(value)} ms` : roughDuration(value);
}
