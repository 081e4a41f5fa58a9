// mailauth, as far as it is used here: ARC, DMARC and the addresses of From. Loaded when the plugin starts: it brings
// 18 MB along, and takes a tenth of a second. Its strict mode follows the RFCs; the modules below its door leave out
// what we do not use (BIMI, MTA-STS).

import { createRequire } from 'node:module';
import type { OctetField } from './header-fields.ts';
import type { Ask } from './lookups.ts';

export interface Engine {
  /** Reads what belongs to ARC and leaves DKIM signatures alone. */
  readonly ArcVerifier: new (
    options: object,
  ) => ArcVerifier;
  arc(chain: ArcData, options: object): Promise<ArcAnswer>;
  evaluateDmarc(options: object): Promise<{ response: DmarcAnswer | false; reason?: string }>;
  /** The mailboxes of a From field; a group holds its own. */
  addresses(from: string): readonly Address[];
}

/** Fed with the header section first, then with the body. */
export interface ArcVerifier {
  messageHeaders(fields: { readonly parsed: OctetField[]; readonly original: Buffer }): Promise<void>;
  nextChunk(body: Uint8Array): Promise<void>;
  finalChunk(): Promise<void>;
  readonly arc: ArcData;
}

export interface Address {
  readonly address?: string;
  readonly group?: readonly Address[];
}

export interface Status {
  readonly result: string;
  readonly comment?: string;
  readonly header?: Readonly<Record<string, string>>;
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

interface Signature {
  readonly type: string;
  skip?: string;
}

/** mailauth's verifier, which does DKIM and ARC in one. */
type Verifier = new (options: object) => ArcVerifier & { prepareSignature(signature: Signature): void };

export async function loadEngine(): Promise<Engine> {
  const [dkim, arc, dmarc] = await Promise.all(
    ['dkim/dkim-verifier.js', 'arc/index.js', 'dmarc/index.js'].map(
      async (module) =>
        ((await import(`mailauth/lib/${module}`)) as { default: Engine & { DkimVerifier: Verifier } })
          .default,
    ),
  );
  const { DkimVerifier, ...rest } = { ...dkim, ...arc, ...dmarc } as Engine & { DkimVerifier: Verifier };
  // The very parser that mailauth reads From with.
  const inMailauth = createRequire(import.meta.resolve('mailauth/lib/dkim/dkim-verifier.js'));
  return {
    ArcVerifier: class extends DkimVerifier {
      override prepareSignature(signature: Signature): void {
        if (signature.type === 'DKIM') signature.skip = 'verified elsewhere';
        else super.prepareSignature(signature);
      }
    },
    arc: rest.arc,
    evaluateDmarc: rest.evaluateDmarc,
    addresses: inMailauth('nodemailer/lib/addressparser') as Engine['addresses'],
  };
}
