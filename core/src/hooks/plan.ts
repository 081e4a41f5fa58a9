// The plan: which handlers are asked at which hook of which listener, in which order. Order is data;
// `posthouse explain` prints it. Compiled once at start, so that nothing is looked up per message.

import type { Handler, Hook, HookOrder, Hooks, Logger, SessionHook } from '../contract/index.ts';
import { hookNames } from '../contract/index.ts';

/** One entry of the plugin list after its set-up. */
export interface PlannedPlugin {
  readonly name: string;
  readonly hooks: Hooks;
  /** Listener names; undefined for all. */
  readonly on: readonly string[] | undefined;
  readonly mode: 'enforce' | 'observe';
  readonly onError: 'defer' | 'pass';
  /** Milliseconds for one call. */
  readonly timeout: number;
  readonly log: Logger;
}

export interface PlannedHandler<H extends SessionHook> {
  readonly plugin: string;
  readonly handler: Handler<H>;
  readonly order: HookOrder | 'normal';
  readonly mode: 'enforce' | 'observe';
  readonly onError: 'defer' | 'pass';
  readonly timeout: number;
  readonly log: Logger;
}

/** The handlers of one listener. An empty list is the rule, not the exception: it costs nothing. */
export type ListenerPlan = { readonly [H in SessionHook]: readonly PlannedHandler<H>[] };

export interface PlanLine {
  readonly listener: string;
  readonly hook: Hook;
  readonly plugin: string;
  readonly order: HookOrder | 'normal';
  readonly mode: 'enforce' | 'observe';
  readonly onError: 'defer' | 'pass';
  /** Milliseconds for one call; of on-deliver for one attempt, undefined where the transport has none of its own. */
  readonly timeout: number | undefined;
}

const RANK = { early: 0, normal: 1, late: 2 } as const;

export function planFor(listener: string, plugins: readonly PlannedPlugin[]): ListenerPlan {
  const here = plugins.filter((plugin) => plugin.on === undefined || plugin.on.includes(listener));
  return {
    'on-connect': handlersOf('on-connect', here),
    'on-mail-from': handlersOf('on-mail-from', here),
    'on-rcpt': handlersOf('on-rcpt', here),
    'on-data': handlersOf('on-data', here),
  };
}

/** The whole plan as lines: per listener and hook in the order of asking, and the claims of on-deliver, once. */
export function describePlan(
  listeners: readonly string[],
  plugins: readonly PlannedPlugin[],
): readonly PlanLine[] {
  const lines: PlanLine[] = [];
  for (const listener of listeners) {
    const plan = planFor(listener, plugins);
    for (const hook of hookNames) {
      if (hook === 'on-deliver') continue;
      for (const { plugin, order, mode, onError, timeout } of plan[hook])
        lines.push({ listener, hook, plugin, order, mode, onError, timeout });
    }
  }
  for (const { name: plugin, hooks, mode, onError } of plugins) {
    const handler = hooks['on-deliver'];
    if (handler === undefined) continue;
    const { timeout } = handler;
    lines.push({ listener: '*', hook: 'on-deliver', plugin, order: 'normal', mode, onError, timeout });
  }
  return lines;
}

function handlersOf<H extends SessionHook>(
  hook: H,
  plugins: readonly PlannedPlugin[],
): readonly PlannedHandler<H>[] {
  const handlers: PlannedHandler<H>[] = [];
  for (const { name, hooks, mode, onError, timeout, log } of plugins) {
    const placed = hooks[hook];
    if (placed === undefined) continue;
    const handler = (typeof placed === 'function' ? placed : placed.handler) as unknown as Handler<H>;
    const order = (typeof placed === 'function' ? undefined : placed.order) ?? 'normal';
    handlers.push({ plugin: name, handler, order, mode, onError, timeout, log });
  }
  // Array.prototype.sort is stable: the plugin list decides among equals.
  return handlers.sort((a, b) => RANK[a.order] - RANK[b.order]);
}
