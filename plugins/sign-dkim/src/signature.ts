// One DKIM-Signature field (RFC 6376 §3.5, §3.7; RFC 8463 for Ed25519): its tags, its folding, and the signature itself.

import { createHash, type KeyObject, sign as signWith } from 'node:crypto';
import { type Canonicalization, signingInput } from '@posthouse/core/dkim';
import type { Chosen } from './header-fields.ts';

export type Algorithm = 'rsa-sha256' | 'ed25519-sha256';

export interface SignatureFacts {
  readonly algorithm: Algorithm;
  readonly headerCanonicalization: Canonicalization;
  readonly bodyCanonicalization: Canonicalization;
  readonly domain: string;
  readonly selector: string;
  /** Seconds since the epoch. */
  readonly signedAt: number;
  /** Seconds since the epoch. */
  readonly expiresAt: number | undefined;
  /** Base64. */
  readonly bodyHash: string;
}

/** Characters of a folded line. */
const WIDTH = 76;

/** The complete field, folded, with its CRLF. RSA runs in the thread pool; Ed25519 is done at once. */
export async function signatureField(facts: SignatureFacts, chosen: Chosen, key: KeyObject): Promise<string> {
  const unsigned = fieldWithoutSignature(facts, chosen.names);
  const input = signingInput(
    chosen.fields.map(({ raw }) => raw),
    unsigned,
    facts.headerCanonicalization,
  );
  const signature = await signatureOf(input, facts.algorithm, key);
  return `${unsigned}${foldedBase64(signature.toString('base64'))}\r\n`;
}

/** RFC 8463 §3: Ed25519 signs the SHA-256 of the input, not the input. */
export function signatureOf(
  input: Uint8Array,
  algorithm: Algorithm,
  key: KeyObject,
): Buffer | Promise<Buffer> {
  if (algorithm === 'ed25519-sha256') return signWith(null, createHash('sha256').update(input).digest(), key);
  return new Promise((resolve, reject) => {
    signWith('sha256', input, key, (error, signature) => {
      if (error === null) resolve(signature);
      else reject(error);
    });
  });
}

function fieldWithoutSignature(facts: SignatureFacts, names: readonly string[]): string {
  const canonicalizations = `${facts.headerCanonicalization}/${facts.bodyCanonicalization}`;
  const expires = facts.expiresAt === undefined ? '' : `; x=${facts.expiresAt}`;
  return [
    `DKIM-Signature: v=1; a=${facts.algorithm}; c=${canonicalizations};`,
    `\td=${facts.domain}; s=${facts.selector};`,
    `\tt=${facts.signedAt}${expires};`,
    foldedNames(names),
    `\tbh=${facts.bodyHash};`,
    '\tb=',
  ].join('\r\n');
}

function foldedNames(names: readonly string[]): string {
  const lines: string[] = [];
  let line = '\th=';
  names.forEach((name, index) => {
    const part = index === names.length - 1 ? `${name};` : `${name}:`;
    if (line.length + part.length > WIDTH && line.length > 3) {
      lines.push(line);
      line = '\t';
    }
    line += part;
  });
  return [...lines, line].join('\r\n');
}

/** The first line is shorter by its `b=`. */
function foldedBase64(text: string): string {
  const lines = [text.slice(0, WIDTH - 3)];
  for (let at = WIDTH - 3; at < text.length; at += WIDTH - 1) lines.push(text.slice(at, at + WIDTH - 1));
  return lines.join('\r\n\t');
}
