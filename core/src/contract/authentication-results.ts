// What plugins contribute to the one Authentication-Results field of a message (RFC 8601), and whose such fields count.
// The core writes the field (intake/authentication-results.ts); nobody else does.

import { type Token, token } from './token.ts';

/** `header.d`, `smtp.mailfrom`, `policy.iprev`: a ptype and a property of RFC 8601 §2.2. */
export type ResultProperty = `${string}.${string}`;

/** One check of a message and what came of it. */
export interface AuthenticationResult {
  /** As registered (RFC 8601 §6.4): `spf`, `dkim`, `dmarc`, `arc`, `iprev`… */
  readonly method: string;
  /** As registered for the method (RFC 8601 §2.7): `pass`, `fail`, `none`, `temperror`… */
  readonly result: string;
  /** Why, for people. May come from outside: the core quotes it. */
  readonly reason?: string;
  /** What was checked. Values may come from outside: the core quotes them, and leaves out those over 512 octets. */
  readonly properties?: { readonly [property: ResultProperty]: string };
}

/** Under whose name the field is written, and from whom such fields are taken as ours. */
export interface AuthenticationResultsRules {
  /** RFC 8601 §2.5. */
  readonly authservId: string;
  /**
   * A client at this address is a server of ours: the fields that it has written under our authserv-id stay. Those of
   * all others are forged, and removed at the commit (RFC 8601 §5).
   */
  trusts(address: string): boolean;
}
export const AuthenticationResultsRules: Token<AuthenticationResultsRules> =
  token<AuthenticationResultsRules>('AuthenticationResultsRules');
