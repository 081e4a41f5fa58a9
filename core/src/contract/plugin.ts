// definePlugin: the one way to write a plugin. Everything about it is inferred from its parts.

import type { Static, TObject } from 'typebox';
import type { Awaitable } from './delivery.ts';
import type { Observers } from './events.ts';
import type { Hooks } from './hooks.ts';
import type { OwnMailSigner } from './mailer.ts';
import type { Logger } from './services.ts';
import type { Served, Token, Tokens } from './token.ts';

type NoKeys = Record<never, never>;

export interface PluginSpec<C extends TObject, N extends Tokens, P extends Tokens> {
  /** role-subject, as in the package name without its scope: `check-greylist`. */
  readonly name: string;
  /** A TypeBox object: JSON Schema for ajv, static type of `config`, and the README's table. */
  readonly config?: C;
  /** The services it is given, under the names that `setup` uses. */
  readonly needs?: N;
  /** The services it makes; `setup` must return them. */
  readonly provides?: P;
  /**
   * Wires and touches nothing outside: no file, socket or timer. `start` acquires, `stop` releases.
   * Called once for each entry in the plugin list, and again when a reload changes the entry: two instances of a plugin
   * may be at work for a while, so nothing is kept outside of `setup`. Where several threads receive mail, each has an
   * instance of its own for the hooks of the dialogue (docs/workers.md).
   */
  setup(tools: Served<N> & PluginTools<C>): PluginBody<P>;
}

export interface PluginTools<C extends TObject> {
  readonly config: Static<C>;
  /** Names the plugin in every line. */
  readonly log: Logger;
}

export type PluginBody<P extends Tokens = NoKeys> = {
  readonly hooks?: Hooks;
  /** Told after the fact; cannot answer. */
  readonly observe?: Observers;
  /**
   * Asked about each message that a plugin sends by `Mailer`. Signers run in plugin order; a throw or a time-out keeps the
   * message from being sent, unless the entry says `onError: pass`.
   */
  readonly ownMailSigner?: OwnMailSigner;
  /** One line for people, printed at the start: `mail for example.org lands in /var/mail/{domain}/{local}`. */
  describe?(): string;
  /** Acquires what the plugin needs. A throw ends the server's start; what started before is stopped again. */
  start?(): Awaitable<void>;
  /**
   * In place of `start` when `posthouse try` rehearses the configuration: acquires what the hooks read, and neither
   * writes nor sends anything, now or later; `stop` follows. `'start'` where `start` is like that itself. A plugin that
   * has `start` and not this takes no part in a rehearsal, which says so.
   */
  readonly rehearse?: 'start' | (() => Awaitable<void>);
  /**
   * Releases all of it. Called in reverse order of start, once, also when a later plugin failed to start; after a reload
   * that leaves the plugin out, when the last session and the last delivery that know it have ended.
   */
  stop?(): Awaitable<void>;
} & (keyof P extends never ? { readonly services?: undefined } : { readonly services: Served<P> });

/** A plugin with its configuration: what a server definition lists. */
export interface ConfiguredPlugin {
  readonly plugin: AnyPluginSpec;
  /** As given; checked and completed with defaults when the server is assembled. */
  readonly config: unknown;
}

/** A plugin with its types forgotten, as the assembly handles it. */
export interface AnyPluginSpec {
  readonly name: string;
  readonly config?: TObject;
  readonly needs?: Readonly<Record<string, Token<unknown>>>;
  readonly provides?: Readonly<Record<string, Token<unknown>>>;
  setup(tools: Record<string, unknown>): AnyPluginBody;
}
export interface AnyPluginBody {
  readonly hooks?: Hooks;
  readonly observe?: Observers;
  readonly ownMailSigner?: OwnMailSigner;
  readonly services?: Readonly<Record<string, unknown>>;
  describe?(): string;
  start?(): Awaitable<void>;
  readonly rehearse?: 'start' | (() => Awaitable<void>);
  stop?(): Awaitable<void>;
}

type RequiredKeys<T> = { [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? never : K }[keyof T];
type Optional<T, Keys> = Omit<T, Keys & keyof T> & Partial<Pick<T, Keys & keyof T>>;
/** Keys whose schema has a `default` may be left out by whoever configures the plugin. */
type DefaultedKeys<C extends TObject> = {
  [K in keyof C['properties']]: C['properties'][K] extends { default: unknown } ? K : never;
}[keyof C['properties']];
/** What a user writes: keys with a default are optional. */
export type ConfigInput<C extends TObject> = Optional<Static<C>, DefaultedKeys<C>>;

/** Calling it configures the plugin; the argument may be left out when every key is optional. */
export type PluginFactory<C extends TObject = TObject> = {
  readonly plugin: AnyPluginSpec;
} & ([RequiredKeys<ConfigInput<C>>] extends [never]
  ? (config?: ConfigInput<C>) => ConfiguredPlugin
  : (config: ConfigInput<C>) => ConfiguredPlugin);

export function definePlugin<
  const C extends TObject = TObject<NoKeys>,
  const N extends Tokens = NoKeys,
  const P extends Tokens = NoKeys,
>(spec: PluginSpec<C, N, P>): PluginFactory<C> {
  // Types end here: from now on ajv checks the configuration, and the container the services.
  const plugin = spec as unknown as AnyPluginSpec;
  const factory = (config?: unknown): ConfiguredPlugin => ({ plugin, config: config ?? {} });
  return Object.assign(factory, { plugin }) as unknown as PluginFactory<C>;
}
