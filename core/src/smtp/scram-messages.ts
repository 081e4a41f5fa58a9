// The messages of SCRAM as the server reads them (RFC 5802 §7), and the GS2 header (RFC 5801 §4) that OAUTHBEARER shares.

import { decodeBase64 } from './base64.ts';

export interface Gs2Header {
  /** `n`: the client has no channel binding. `y`: it has, and thinks that the server has not. `p`: it binds. */
  readonly flag: 'n' | 'y' | 'p';
  /** The type of channel binding of `p`. */
  readonly bindingType: string | undefined;
  /** The identity to act as, '' for the client's own. */
  readonly authorize: string;
  /** The header as it was written, its last comma included. */
  readonly text: string;
}

// RFC 5802 §7: cb-name = 1*(ALPHA / DIGIT / "." / "-")
const GS2_HEADER = /^(?:([ny])|p=([A-Za-z0-9.-]+)),(?:a=([^,\0]+))?,/;

export function parseGs2Header(text: string): Gs2Header | undefined {
  const match = GS2_HEADER.exec(text);
  if (match === null) return undefined;
  const authorize = match[3] === undefined ? '' : decodeSaslName(match[3]);
  if (authorize === undefined) return undefined;
  const flag = (match[1] as 'n' | 'y' | undefined) ?? 'p';
  return { flag, bindingType: match[2], authorize, text: match[0] };
}

export interface ClientFirst {
  readonly header: Gs2Header;
  /** Without the GS2 header: what the proof is made over. */
  readonly bare: string;
  readonly user: string;
  readonly nonce: string;
}

// RFC 5802 §7: printable = %x21-2B / %x2D-7E. A nonce comes back in the challenge, so it is bounded.
const NONCE = /^[!-+\--~]{1,256}$/;

/** client-first-message = gs2-header client-first-message-bare */
export function parseClientFirst(text: string): ClientFirst | undefined {
  const header = parseGs2Header(text);
  if (header === undefined) return undefined;
  const bare = text.slice(header.text.length);
  // `m=` would come first: an extension that must be understood, and there is none (RFC 5802 §5.1).
  const [name = '', nonce = '', ...extensions] = bare.split(',');
  if (!name.startsWith('n=') || !nonce.startsWith('r=') || !extensions.every(isExtension)) return undefined;
  const user = decodeSaslName(name.slice(2));
  if (user === undefined || user === '' || !NONCE.test(nonce.slice(2))) return undefined;
  return { header, bare, user, nonce: nonce.slice(2) };
}

export interface ClientFinal {
  /** The GS2 header and the channel binding data, as the client saw them. */
  readonly binding: Uint8Array;
  readonly nonce: string;
  readonly proof: Uint8Array;
  readonly withoutProof: string;
}

/** client-final-message = channel-binding "," nonce ["," extensions] "," proof */
export function parseClientFinal(text: string): ClientFinal | undefined {
  const end = text.lastIndexOf(',p=');
  if (end === -1) return undefined;
  const withoutProof = text.slice(0, end);
  const [c = '', r = '', ...extensions] = withoutProof.split(',');
  if (!c.startsWith('c=') || !r.startsWith('r=') || !extensions.every(isExtension)) return undefined;
  const binding = decodeBase64(c.slice(2));
  const proof = decodeBase64(text.slice(end + 3));
  if (binding === undefined || proof === undefined) return undefined;
  return { binding, nonce: r.slice(2), proof, withoutProof };
}

/** RFC 5802 §5.1: extensions that may be ignored. */
function isExtension(text: string): boolean {
  return /^[A-Za-z]=[^\0]+$/.test(text) && !text.startsWith('m=');
}

/** RFC 5802 §5.1: `=2C` is a comma, `=3D` is `=`, and there is no other `=`. */
function decodeSaslName(name: string): string | undefined {
  if (name.includes('\0') || /=(?!2C|3D)/.test(name)) return undefined;
  return name.replaceAll('=2C', ',').replaceAll('=3D', '=');
}
