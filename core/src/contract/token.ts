// A token names a service: the key under which a plugin asks for it or provides it.
// Token and interface share one name, so that `import { Resolver }` brings both.

declare const served: unique symbol;

/** The key of a service of type `T`. Equal names give equal tokens, even across two copies of the core. */
export type Token<T> = symbol & { readonly [served]?: T };

/** A set of tokens under local names, as in `needs: { resolver: Resolver }`. */
export type Tokens = { readonly [name: string]: Token<unknown> };

/** What a set of tokens stands for: each local name with the service behind it. */
export type Served<N extends Tokens> = {
  readonly [K in keyof N]: N[K] extends Token<infer T> ? T : never;
};

export function token<T>(name: string): Token<T> {
  return Symbol.for(`posthouse/${name}`) as Token<T>;
}

/** The service's name, as error messages print it. */
export function tokenName(of: Token<unknown>): string {
  return (of.description ?? '').replace(/^posthouse\//, '');
}
