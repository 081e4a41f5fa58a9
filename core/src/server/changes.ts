// What a new configuration means for a running server: what it cannot take over without a restart, and which plugins
// stay as they are. Pure.

import { isDeepStrictEqual } from 'node:util';
import type { ResolvedDefinition, ResolvedPlugin } from './definition.ts';
import type { ResolvedListener } from './listener-definition.ts';

/** Sections that live as long as the process. */
const FIXED = ['hostname', 'delivery', 'control', 'workers', 'log', 'dns'] as const;
/** Limits by which the open connections are counted. */
const COUNTED_BY = ['ipv4Prefix', 'ipv6Prefix'] as const;

/** The settings that differ and that only a restart can change, as their paths in the file. */
export function fixedChanges(before: ResolvedDefinition, after: ResolvedDefinition): readonly string[] {
  const sections = FIXED.flatMap((section) => {
    const [old, given] = [before[section], after[section]];
    if (isDeepStrictEqual(old, given)) return [];
    if (typeof old !== 'object' || typeof given !== 'object') return [section];
    const keys = new Set([...Object.keys(old), ...Object.keys(given)]);
    return [...keys]
      .filter((key) => !isDeepStrictEqual(memberOf(old, key), memberOf(given, key)))
      .map((key) => `${section}.${key}`);
  });
  const counted = COUNTED_BY.filter((key) => before.limits[key] !== after.limits[key]);
  return [...sections, ...counted.map((key) => `limits.${key}`)];
}

/** Whether the plugin as it was set up is the one that is wanted: the same code, under the same name, configured alike. */
export function isSamePlugin(before: ResolvedPlugin, after: ResolvedPlugin): boolean {
  return (
    before.spec === after.spec && before.name === after.name && isDeepStrictEqual(before.config, after.config)
  );
}

/** Whether the listener keeps its socket. */
export function hasSameAddress(before: ResolvedListener, after: ResolvedListener): boolean {
  return before.name === after.name && before.host === after.host && before.port === after.port;
}

function memberOf(section: object, key: string): unknown {
  return (section as Readonly<Record<string, unknown>>)[key];
}
