// Why a connection to a next hop could not be used.

import type { Reply } from '../smtp/index.ts';

/** Why a connection could not be used. */
export interface Trouble {
  readonly kind:
    | 'no-connection'
    | 'lost'
    | 'refused'
    | 'tls-failed'
    | 'tls-missing'
    | 'login-failed'
    | 'aborted';
  readonly text: string;
  /** With `refused`, and with `login-failed` where the hop has refused it. */
  readonly reply?: Reply;
}
