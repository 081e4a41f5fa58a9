// Where it is known who has a mailbox here: what each source is asked, and what it may answer.

/** One address, in the spelling that is looked up: lower case, the domain in A-labels, without what is behind the delimiter. */
export interface Address {
  readonly address: string;
  readonly local: string;
  readonly domain: string;
}

/** A throw or a rejection says that the source cannot tell; it is never taken for either. */
export type Known = boolean;

export interface Source {
  /** `file ./mailboxes`, `ldap ldaps://…`: for the log, without secrets. */
  readonly name: string;
  /** Answers at once: it is asked without a cache. */
  readonly local?: boolean;
  /** Whether there is such a mailbox. Stops when the signal says so. */
  knows(address: Address, signal: AbortSignal): Known | Promise<Known>;
  /** Rejects with `config-invalid` for what no retry mends; a source that is merely down does not keep the server down. */
  start?(): Promise<void>;
  stop?(): Promise<void> | void;
}

/** The parts of an address that a configuration may name in braces. */
export const PARTS = ['address', 'local', 'domain'] as const;
const NAMED = /\{(address|local|domain)\}/g;

/** A text with parts of the address in it, each of them written by `escaped`: no address can say more than its place does. */
export function filled(template: string, address: Address, escaped: (part: string) => string): string {
  return template.replace(NAMED, (_, part: (typeof PARTS)[number]) => escaped(address[part]));
}

export function namesPart(template: string): boolean {
  return template.search(NAMED) !== -1;
}
