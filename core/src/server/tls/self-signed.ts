// A certificate that nobody vouches for, so that a server without one can try TLS out. Written in DER by hand: fifty
// lines, and the smallest well-kept library for it (@peculiar/x509) brings thirty packages into the core.

import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Certificate, certificateOf } from './certificate.ts';
import {
  bitString,
  der,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  TRUE,
  time,
  utf8String,
} from './der.ts';

/** Where one is kept, beside the configuration file. */
export const SELF_SIGNED = 'var/self-signed.pem';

const DAY = 86_400_000;
const LIFETIME = 3650 * DAY;
/** One that is kept is made anew when it has less than this. */
const RENEWED = 30 * DAY;

const COMMON_NAME = '2.5.4.3';
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const SUBJECT_ALT_NAME = '2.5.29.17';
const BASIC_CONSTRAINTS = '2.5.29.19';
const KEY_USAGE = '2.5.29.15';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** RFC 5280 §4.1, version 3, a P-256 key. Certificate and key, both PEM. */
export function makeSelfSigned(
  hostname: string,
  now: number,
): { readonly cert: string; readonly key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const algorithm = sequence(objectIdentifier(ECDSA_WITH_SHA256));
  // RFC 5280 §A.1: a common name has at most 64 characters; the name that counts is in subjectAltName.
  const name = sequence(setOf(sequence(objectIdentifier(COMMON_NAME), utf8String(hostname.slice(0, 64)))));
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const toBeSigned = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(serial),
    algorithm,
    name,
    sequence(time(now - DAY), time(now + LIFETIME)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(
      0xa3,
      sequence(
        extension(SUBJECT_ALT_NAME, false, sequence(der(0x82, Buffer.from(hostname, 'latin1')))),
        extension(BASIC_CONSTRAINTS, true, sequence()),
        // digitalSignature, the highest bit
        extension(KEY_USAGE, true, bitString(Buffer.from([0x80]), 7)),
        extension(
          EXTENDED_KEY_USAGE,
          false,
          sequence(objectIdentifier(SERVER_AUTH), objectIdentifier(CLIENT_AUTH)),
        ),
      ),
    ),
  );
  const signature = sign('sha256', toBeSigned, privateKey);
  return {
    cert: pem('CERTIFICATE', sequence(toBeSigned, algorithm, bitString(signature))),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

/**
 * The one kept in the file, or a new one when it is not there, is broken, for another name or soon over.
 * @param file where it is kept, for the owner alone; undefined keeps it in memory
 */
export function selfSigned(hostname: string, file: string | undefined, now: number): Certificate {
  const kept = file === undefined ? undefined : keptIn(file, hostname, now);
  if (kept !== undefined) return kept;
  const { cert, key } = makeSelfSigned(hostname, now);
  if (file !== undefined) keep(file, cert + key);
  return certificateOf(file ?? 'self-signed', cert, key);
}

function keptIn(file: string, hostname: string, now: number): Certificate | undefined {
  try {
    const both = readFileSync(file, 'utf8');
    const certificate = certificateOf(file, both, both);
    return certificate.names.includes(hostname) && certificate.notAfter - now > RENEWED
      ? certificate
      : undefined;
  } catch {
    return undefined;
  }
}

/** Whole or not at all: a start that is broken off leaves no half of it. */
function keep(file: string, content: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.new`;
  writeFileSync(draft, content, { mode: 0o600 });
  renameSync(draft, file);
}

function extension(identifier: string, critical: boolean, value: Buffer): Buffer {
  return sequence(objectIdentifier(identifier), ...(critical ? [TRUE] : []), octetString(value));
}

function pem(label: string, content: Buffer): string {
  const lines = content.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
