// posthouse explain: what a configuration amounts to. Who is asked at each hook, who carries mail, and every setting
// with whether it was written or is a default. Secrets are not shown.

import type { TSchema } from 'typebox';
import { type Hook, hookNames } from '../contract/index.ts';
import type { PlanLine } from '../hooks/index.ts';
import {
  formatByteSize,
  formatDuration,
  formatRate,
  loadConfiguration,
  redacted,
} from '../server/configuration/index.ts';
import { type ResolvedDefinition, ServerSchema } from '../server/definition.ts';
import type { ResolvedListener } from '../server/listener-definition.ts';
import { createServer } from '../server/server.ts';
import { certificateFiles } from '../server/tls/settings.ts';
import { columns, visible } from './columns.ts';
import { CONFIG_OPTION, type Command, configFile, OK } from './command.ts';
import { chosenListener, LISTENER_OPTION, SILENCE } from './hooks.ts';

export const explain: Command = {
  name: 'explain',
  summary: 'Tell who is asked at each hook, in which order, and which settings hold',
  options: {
    ...CONFIG_OPTION,
    ...LISTENER_OPTION,
  },
  async run(given, shell) {
    const definition = await loadConfiguration(configFile(given), shell.environment);
    const listener = chosenListener(given, definition);
    const server = createServer(definition);
    shell.out(explanation(definition, server.plan(), server.describe(), listener));
    return OK;
  },
};

export function explanation(
  definition: ResolvedDefinition,
  plan: readonly PlanLine[],
  words: readonly string[],
  only?: string,
): string {
  const listeners = definition.listeners.filter(({ name }) => only === undefined || name === only);
  const hooks = listeners.map((listener) => {
    const { name, host, port, rejectAt } = listener;
    const lmtp = listener.protocol === 'lmtp' ? 'LMTP, ' : '';
    const here = plan.filter((line) => line.listener === name);
    const head = `listener ${name}: ${host} port ${port}, ${lmtp}${tlsOf(listener, definition)}, AUTH ${authOf(listener)}, vetoes ${rejectAt}`;
    return `${head}\n${columns(
      [],
      hookNames.filter((hook) => hook !== 'on-deliver').flatMap((hook) => rowsOf(hook, here)),
    )}`;
  });
  const transports = plan.filter(({ hook }) => hook === 'on-deliver');
  const delivery = `delivery: the first claim wins\n${columns([], rowsOf('on-deliver', transports))}`;
  return [
    `${definition.hostname}\n`,
    ...hooks,
    delivery,
    ...inWords(words),
    plugins(definition),
    settings(definition),
  ].join('\n');
}

/** What plugins say of themselves: where mail goes, how, under which TLS. */
function inWords(words: readonly string[]): readonly string[] {
  if (words.length === 0) return [];
  return [`in words\n${words.map((line) => `  ${visible(line)}\n`).join('')}`];
}

function tlsOf(listener: ResolvedListener, { tls: settings }: ResolvedDefinition): string {
  const { tls, tlsRequired, clientCertificates, proxy, xclient } = listener;
  const parts = [`TLS ${tls}`];
  if (tls === 'starttls' && tlsRequired) parts[0] += ' (required)';
  if (tls !== 'none' && certificateFiles(settings).length === 0) parts.push('self-signed certificate');
  if (clientCertificates !== 'none') parts.push(`client certificates ${clientCertificates}`);
  if (proxy !== undefined) parts.push(`PROXY header from ${proxy.join(' ')}`);
  if (xclient !== undefined) parts.push(`XCLIENT from ${xclient.join(' ')}`);
  return parts.join(', ');
}

function authOf({ auth, authWithoutTls, authMechanisms, futureRelease }: ResolvedListener): string {
  if (auth === 'none') return auth;
  const without = authWithoutTls ? ' even without TLS' : '';
  const holds = futureRelease === undefined ? '' : `, FUTURERELEASE up to ${formatDuration(futureRelease)}`;
  return `${auth}${without}${authMechanisms === undefined ? '' : ` (${authMechanisms.join(' ')})`}${holds}`;
}

function rowsOf(hook: Hook, lines: readonly PlanLine[]): readonly (readonly string[])[] {
  const here = lines.filter((line) => line.hook === hook);
  const rows = here.map(({ plugin, order, mode }, index) => [
    index === 0 ? `  ${hook}` : '',
    `${index + 1}. ${plugin}`,
    [order === 'normal' ? '' : order, mode === 'observe' ? 'observes only' : '']
      .filter((word) => word !== '')
      .join(', '),
  ]);
  return [...rows, [here.length === 0 ? `  ${hook}` : '', `otherwise ${SILENCE[hook]}`, '']];
}

function plugins({ plugins, secrets, deadlines }: ResolvedDefinition): string {
  const blocks = plugins.map(({ name, use, mode, onError, timeout, on, config }, index) => {
    const facts = [
      `mode ${mode}`,
      `on error ${onError}`,
      `timeout ${formatDuration(timeout ?? deadlines.hook)}`,
      `listeners ${on === undefined ? 'all' : on.join(' ')}`,
    ];
    const shown = redacted(config, `plugins[${index}].config`, secrets) as object;
    const rows = Object.entries(shown).map(([key, value]) => [
      `    ${key}`,
      visible(JSON.stringify(value) ?? ''),
    ]);
    return `  ${name}${use === name ? '' : ` (${visible(use)})`}: ${facts.join(', ')}\n${columns([], rows)}`;
  });
  return `plugins: in the order of the list\n${blocks.join('')}`;
}

function settings(definition: ResolvedDefinition): string {
  const { written, secrets } = definition;
  const rows: string[][] = [];
  for (const section of [
    'limits',
    'deadlines',
    'delivery',
    'authenticationResults',
    'log',
    'dns',
    'tls',
    'control',
  ] as const) {
    const members = definition[section];
    if (members === undefined) rows.push([`  ${section}`, 'none', written.has(section) ? '' : 'default']);
    for (const [key, value] of Object.entries(members ?? {})) {
      const path = `${section}.${key}`;
      if (value === undefined) continue;
      const shown = secrets.has(path) ? '(secret)' : withUnit(value, schemaOf(section, key));
      rows.push([`  ${path}`, shown, written.has(path) ? '' : 'default']);
    }
  }
  return `settings\n${columns([], rows)}`;
}

type Described = TSchema & {
  readonly posthouse?: string;
  readonly items?: Described;
  readonly properties?: Readonly<Record<string, Described>>;
};

function schemaOf(section: keyof typeof ServerSchema.properties, key: string): Described | undefined {
  const { properties } = ServerSchema.properties[section] as {
    properties?: Readonly<Record<string, Described>>;
  };
  return properties?.[key];
}

function withUnit(value: unknown, schema: Described | undefined): string {
  if (Array.isArray(value))
    return value.length === 0 ? 'none' : value.map((member) => withUnit(member, schema?.items)).join(', ');
  if (typeof value === 'number' && schema?.posthouse === 'duration') return formatDuration(value);
  if (typeof value === 'number' && schema?.posthouse === 'byte-size') return formatByteSize(value);
  if (typeof value === 'number' && schema?.posthouse === 'rate') return formatRate(value);
  if (typeof value === 'object' && value !== null && schema?.properties !== undefined) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return `(${members.map(([key, member]) => `${key} ${withUnit(member, schema.properties?.[key])}`).join('; ')})`;
  }
  return visible(typeof value === 'object' ? JSON.stringify(value) : String(value));
}
