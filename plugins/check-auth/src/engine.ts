// mailauth, as far as it is used here, loaded when the plugin starts: it brings 18 MB along, and takes a tenth of a
// second. Its strict mode follows the RFCs; the modules below its door leave out what we do not use (BIMI, MTA-STS).

import type { Fields } from './header-fields.ts';
import type { Ask } from './lookups.ts';

export interface Engine {
  readonly DkimVerifier: new (options: object) => DkimVerifier;
  spf(options: object): Promise<SpfAnswer>;
  arc(chain: ArcData, options: object): Promise<ArcAnswer>;
  evaluateDmarc(options: object): Promise<{ response: DmarcAnswer | false; reason?: string }>;
}

/** Fed with the header section first, then with the body. */
export interface DkimVerifier {
  messageHeaders(fields: Fields): Promise<void>;
  nextChunk(body: Uint8Array): Promise<void>;
  finalChunk(): Promise<void>;
  readonly results: readonly DkimAnswer[];
  /** The addresses of the From fields. */
  readonly headerFrom: readonly string[];
  readonly fromFields: number;
  readonly arc: ArcData;
}

export interface Status {
  readonly result: string;
  readonly comment?: string;
  readonly header?: Readonly<Record<string, string>>;
  readonly smtp?: Readonly<Record<string, string>>;
  readonly policy?: Readonly<Record<string, string>>;
  readonly underSized?: number;
}

export interface SpfAnswer {
  readonly status: Status;
  readonly domain: string;
}

export interface DkimAnswer {
  readonly id?: string;
  readonly signingDomain?: string;
  readonly selector?: string;
  readonly status: Status;
}

export interface ArcData {
  readonly chain: readonly ArcSet[] | false;
}

export interface ArcSet {
  readonly i: number;
  readonly 'arc-seal'?: { readonly parsed?: { readonly d?: { readonly value?: string } } };
  readonly 'arc-authentication-results'?: { readonly original?: Buffer };
}

export interface ArcAnswer {
  readonly status: Status;
}

export interface DmarcAnswer {
  readonly status: Status;
  /** The organizational domain. */
  readonly domain: string;
  /** Where the record that counts was published. */
  readonly policyDomain?: string;
  /** What the domain asks for this message, test mode and subdomains considered. */
  readonly policy?: 'none' | 'quarantine' | 'reject';
  readonly p?: string;
  readonly sp?: string;
  readonly np?: string;
  /** The record. */
  readonly rr?: string;
  readonly alignment?: {
    readonly spf: { readonly result?: string; readonly strict: boolean };
    readonly dkim: { readonly result?: string; readonly strict: boolean };
  };
}

export interface ResolverOption {
  readonly resolver: Ask;
}

export async function loadEngine(): Promise<Engine> {
  const [dkim, spf, arc, dmarc] = await Promise.all(
    ['dkim/dkim-verifier.js', 'spf/index.js', 'arc/index.js', 'dmarc/index.js'].map(
      async (module) => (await import(`mailauth/lib/${module}`)) as { readonly default: Engine },
    ),
  );
  return {
    DkimVerifier: (dkim as { default: Engine }).default.DkimVerifier,
    spf: (spf as { default: Engine }).default.spf,
    arc: (arc as { default: Engine }).default.arc,
    evaluateDmarc: (dmarc as { default: Engine }).default.evaluateDmarc,
  };
}
