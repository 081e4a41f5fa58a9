// A rehearsal for people: what the client says, who was asked about it, what it hears, and where the mail would go.

import type { Call, Fate, Leg, Rehearsal, SaidVerdict, Step } from '../server/rehearsal/index.ts';
import type { Reply } from '../smtp/index.ts';
import { clip, columns, visible } from './columns.ts';

const MAX_TEXT = 100;
/** Every hook has as much room, so that the plugins stand below each other throughout. */
const HOOK = 'on-mail-from'.length;

/** Whether the client would hear an acceptance for every recipient. */
export function isAccepted({ fates }: Rehearsal): boolean {
  return fates.every(({ reply }) => reply !== undefined && reply.code < 400);
}

/** @param times false: without the milliseconds, which differ each time */
export function rehearsalText(rehearsal: Rehearsal, { times = true } = {}): string {
  const { steps, fates, queued, leftOut, logged } = rehearsal;
  const parts = [
    ...steps.map((step) => stepText(step, times)),
    `WHAT BECOMES OF IT\n${columns([], fates.flatMap(fateRows))}`,
  ];
  if (queued !== undefined)
    parts.push(`ON TOP OF THE MESSAGE (${queued.size} octets in all)\n${indented(queued.onTop)}`);
  if (leftOut.length > 0)
    parts.push(
      `NOT ASKED, because they do not say how to start without side effects (rehearse, core/docs/trying.md)\n  ${leftOut.map(visible).join(', ')}\n`,
    );
  if (logged.length > 0)
    parts.push(
      `SAID IN THE LOG\n${logged.map(({ level, text, fields }) => `  ${level}: ${visible(`${text} ${JSON.stringify(fields)}`)}\n`).join('')}`,
    );
  return parts.join('\n');
}

function stepText({ said, calls, replies }: Step, times: boolean): string {
  const head = said === null ? 'The client connects' : visible(said);
  const heard = replies.flatMap(linesOf).map((line) => `  < ${visible(line)}\n`);
  if (replies.length === 0) heard.push('  < (the server hangs up)\n');
  return `${head}\n${callsText(calls.filter(isWorthALine), times)}${heard.join('')}`;
}

/** That nobody objects is the rule. */
function isWorthALine({ plugin, said }: Call): boolean {
  return plugin !== null || said[0]?.verdict !== 'accept';
}

function callsText(calls: readonly Call[], times: boolean): string {
  const blocks = calls.map((call, index) => ({
    rows: callRows(call, calls[index - 1]?.hook, times),
    below: detailsOf(call),
  }));
  const lines = columns(
    [],
    blocks.flatMap(({ rows }) => rows),
  ).split('\n');
  let at = 0;
  return blocks
    .flatMap(({ rows, below }) => {
      const from = at;
      at += rows.length;
      return [...lines.slice(from, at), ...below.map((line) => `${''.padEnd(DETAIL)}${line}`)];
    })
    .map((line) => `${line}\n`)
    .join('');
}

/** Where what belongs to a plugin begins: under its name, behind the longest hook. */
const DETAIL = '  on-mail-from    '.length;

function detailsOf({ applied, edits, notes }: Call): readonly string[] {
  return [
    ...edits.map(
      (edit) => `${applied ? '' : 'would '}${applied ? edit : edit.replace(/^([a-z]+)s\b/, '$1')}`,
    ),
    ...Object.entries(notes).map(([name, value]) => `note ${name} = ${JSON.stringify(value)}`),
  ].map((line) => clip(visible(line), MAX_TEXT));
}

function callRows(call: Call, before: string | undefined, times: boolean): readonly (readonly string[])[] {
  const { hook, plugin, failure, said } = call;
  const spent = times && plugin !== null && !call.heldBack ? `${call.milliseconds.toFixed(1)} ms` : '';
  const verdicts =
    failure === undefined ? said.map((each) => verdictCells(call, each)) : [['FAILS', visible(failure)]];
  const name = (hook === before ? '' : hook).padEnd(HOOK);
  const first = [`  ${name}`, visible(plugin ?? '(by default)')];
  return verdicts.map(([verdict = '', why = ''], index) => [
    ...(index === 0 ? first : [`  ${''.padEnd(HOOK)}`, '']),
    verdict,
    index === 0 ? spent : '',
    why,
  ]);
}

function verdictCells({ applied, plugin, heldBack }: Call, said: SaidVerdict): readonly [string, string] {
  const { verdict, status, reason, text, recipient } = said;
  if (verdict === 'continue') return ['no opinion', ''];
  const words = [applied ? verdict : `would ${verdict}`, status].filter((word) => word !== undefined);
  const why = [
    recipient === undefined ? undefined : `for ${visible(recipient)}`,
    plugin === null ? 'nobody had an opinion' : reason === undefined ? undefined : visible(reason),
    heldBack ? 'held back until now' : undefined,
    // What is applied the client hears.
    applied || text === undefined ? undefined : `"${clip(visible(text), MAX_TEXT)}"`,
  ].filter((word) => word !== undefined);
  return [words.join(' '), why.join(', ')];
}

function fateRows({ recipient, reply, instead, legs }: Fate): readonly (readonly string[])[] {
  const name = `  ${visible(recipient)}`;
  if (reply === undefined) return [[name, 'not answered: the server hangs up']];
  const words = linesOf(reply).map(visible).join(' ');
  if (reply.code >= 500) return [[name, `refused: ${words}`]];
  if (reply.code >= 400) return [[name, `deferred: ${words}`]];
  if (instead !== undefined)
    return [[name, `accepted and ${instead.what} by ${visible(instead.plugin)}: ${visible(instead.text)}`]];
  return legs.flatMap((leg) => legRows(leg, '  ', 'accepted, '));
}

function legRows(leg: Leg, indent: string, before = ''): readonly (readonly string[])[] {
  const { recipient, transport, destination, outcome, next } = leg;
  const name = `${indent}${visible(recipient)}`;
  const by = visible(transport ?? '');
  if (transport === null) return [[name, `${before}but no plugin carries it: it would wait and be returned`]];
  if (outcome === undefined) return [[name, `${before}carried by ${by} to ${visible(destination)}`]];
  if (outcome.kind === 'redirected')
    return [
      [name, `${before}redirected by ${by}`],
      ...next.flatMap((each) => legRows(each, `${indent}  -> `)),
    ];
  const text = 'text' in outcome ? ` ${outcome.text}` : 'reason' in outcome ? ` ${outcome.reason}` : '';
  const status = 'status' in outcome ? ` ${outcome.status}` : '';
  return [[name, visible(`${before}then ${outcome.kind} by ${by}:${status}${text}`)]];
}

function linesOf({ code, status, lines }: Reply): readonly string[] {
  return lines.map((line, index) => {
    const separator = index === lines.length - 1 ? ' ' : '-';
    return `${code}${separator}${status === undefined ? '' : `${status} `}${line}`;
  });
}

function indented(fields: string): string {
  return fields
    .split('\r\n')
    .filter((line) => line !== '')
    .map((line) => `  ${line.replace(/\t/g, '  ')}\n`)
    .join('');
}
