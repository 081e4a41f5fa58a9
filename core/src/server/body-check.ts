// What setup of a plugin returned, looked at before anything relies on it: TypeScript has done so for those who write it,
// and in JavaScript a misspelt hook would be a plugin that never says a word.

import { type AnyPluginBody, hookNames, PosthouseError, tokenName } from '../contract/index.ts';
import { didYouMean } from './configuration/index.ts';
import type { ResolvedPlugin } from './definition.ts';

const KEYS: { readonly [K in keyof Required<AnyPluginBody>]: readonly string[] } = {
  hooks: ['object'],
  observe: ['object'],
  services: ['object'],
  ownMailSigner: ['function'],
  describe: ['function'],
  start: ['function'],
  rehearse: ['function', 'string'],
  stop: ['function'],
};

export function checkBody({ name, spec }: Pick<ResolvedPlugin, 'name' | 'spec'>, body: unknown): void {
  const refused = (what: string): PosthouseError =>
    new PosthouseError('plugin-invalid', `setup of plugin ${name} returned ${what}`);
  if (body instanceof Promise) throw refused('a promise; setup wires at once, start may be async');
  if (typeof body !== 'object' || body === null) throw refused(String(body));
  for (const [key, value] of Object.entries(body)) {
    if (!(key in KEYS))
      throw refused(`${key}, which is nothing that a plugin has${didYouMean(key, Object.keys(KEYS))}`);
    const kinds = KEYS[key as keyof typeof KEYS];
    if (value !== undefined && (value === null || !kinds.includes(typeof value)))
      throw refused(`${key}: ${kindOf(value)}, where ${kinds.join(' or ')} belongs`);
  }
  const { hooks = {}, services = {} } = body as AnyPluginBody;
  for (const [hook, handler] of Object.entries(hooks)) {
    if (!(hookNames as readonly string[]).includes(hook))
      throw refused(`the hook ${hook}, which there is not${didYouMean(hook, hookNames)}`);
    const fault = hook === 'on-deliver' ? transportFault(handler) : handlerFault(handler);
    if (handler !== undefined && fault !== undefined) throw refused(`${hook}: ${fault}`);
  }
  for (const [key, service] of Object.entries(spec.provides ?? {})) {
    if (services[key] === undefined)
      throw refused(`no services.${key}, and promises the service ${tokenName(service)}`);
  }
}

function handlerFault(handler: unknown): string | undefined {
  const placed =
    typeof handler === 'object' && handler !== null && 'handler' in handler ? handler.handler : handler;
  return typeof placed === 'function'
    ? undefined
    : `${kindOf(handler)}, where a function or { order, handler } belongs`;
}

function transportFault(transport: unknown): string | undefined {
  const { claim, deliver } = (transport ?? {}) as Record<string, unknown>;
  return typeof claim === 'function' && typeof deliver === 'function'
    ? undefined
    : `${kindOf(transport)}, where { claim, deliver } belongs`;
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value;
}
