// Why a connection to a next hop could not be used, and what was wrong with its TLS.

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
  /** What is wrong with the TLS, with `tls-failed` and `tls-missing`. */
  readonly fault?: TlsFault['kind'];
  /** Ours, where there was a connection. */
  readonly localAddress?: string;
}

export interface TlsFault {
  /** As RFC 8460 §4.3.1 and §4.3.2 call it. */
  readonly kind:
    | 'starttls-not-supported'
    | 'certificate-host-mismatch'
    | 'certificate-expired'
    | 'certificate-not-trusted'
    | 'validation-failure'
    | 'tlsa-invalid'
    | 'dnssec-invalid'
    | 'dane-required';
  readonly text: string;
}
