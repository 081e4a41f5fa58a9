// DANE: whether the certificate of a next hop is one that its TLSA records vouch for (RFC 6698, with the rules of
// RFC 7671 and, for SMTP, RFC 7672). Where the records come from, and whether they are to be believed, is the caller's.

import { createHash, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { TlsFault } from './trouble.ts';

/** The data of one TLSA record (RFC 6698 §2.1). */
export interface TlsaRecord {
  readonly usage: number;
  readonly selector: number;
  readonly matchingType: number;
  /** Octets: the certificate, the key, or a digest of it. */
  readonly data: Uint8Array;
}

const DANE_TA = 2;
const DANE_EE = 3;
const DIGESTS: ReadonlyMap<number, { readonly name: string; readonly octets: number }> = new Map([
  [1, { name: 'sha256', octets: 32 }],
  [2, { name: 'sha512', octets: 64 }],
]);
/** Certificates of one chain that are looked at; real chains have three or four. */
const MAX_CERTIFICATES = 16;

/**
 * Those that a certificate can be held to: usage 2 or 3 (RFC 7672 §3.1.3: the others ask for a CA that SMTP has not),
 * a selector and a matching type that are known, and data of the right form.
 */
export function usableTlsa(records: readonly TlsaRecord[]): readonly TlsaRecord[] {
  return records.filter(({ usage, selector, matchingType, data }) => {
    if ((usage !== DANE_TA && usage !== DANE_EE) || selector > 1) return false;
    if (matchingType !== 0) return DIGESTS.get(matchingType)?.octets === data.length;
    return selector === 0 ? certificateIn(data) !== undefined : keyIn(data) !== undefined;
  });
}

export interface TlsaQuestion {
  /** As the host has sent them, its own first. */
  readonly chain: readonly X509Certificate[];
  /** Usable ones. */
  readonly records: readonly TlsaRecord[];
  /** Any one of them will do, with usage 2. */
  readonly names: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Why the records do not vouch for the certificate; undefined when they do. */
export function tlsaFault({ chain, records, names, now }: TlsaQuestion): TlsFault | undefined {
  const [own, ...others] = chain.slice(0, MAX_CERTIFICATES);
  if (own === undefined) return fault('validation-failure', 'it has shown no certificate');
  const strongest = withoutWeakerDigests(records);
  // RFC 7672 §3.1.1: the key is the right one, whatever else the certificate says; neither names nor dates count.
  if (strongest.some((record) => record.usage === DANE_EE && matches(record, own))) return undefined;
  const anchors = strongest.filter(({ usage }) => usage === DANE_TA);
  if (anchors.length === 0 || !leadsToAnchor(own, others, anchors, now))
    return fault('validation-failure', 'its certificate is not one that its TLSA records vouch for');
  // RFC 7672 §3.1.2
  if (names.some((name) => own.checkHost(name, { partialWildcards: false }) !== undefined)) return undefined;
  const text = `its TLSA records vouch for its certificate, which is not for ${names.join(' or ')}`;
  return fault('certificate-host-mismatch', text);
}

function fault(kind: TlsFault['kind'], text: string): TlsFault {
  return { kind, text };
}

/** RFC 7671 §9: of the digests of one usage and selector, only the strongest counts; full data always does. */
function withoutWeakerDigests(records: readonly TlsaRecord[]): readonly TlsaRecord[] {
  return records.filter(
    (record) =>
      record.matchingType !== 1 ||
      !records.some(
        ({ usage, selector, matchingType }) =>
          usage === record.usage && selector === record.selector && matchingType === 2,
      ),
  );
}

function matches({ selector, matchingType, data }: TlsaRecord, certificate: X509Certificate): boolean {
  const selected =
    selector === 0 ? certificate.raw : certificate.publicKey.export({ type: 'spki', format: 'der' });
  const digest = DIGESTS.get(matchingType);
  const presented = digest === undefined ? selected : createHash(digest.name).update(selected).digest();
  return presented.equals(data);
}

/**
 * Whether signatures lead from the certificate to an anchor (RFC 7671 §5.2): one that the host has sent, or one whose
 * certificate or key stands whole in a record. All on the way must be valid now, and CAs but for the first.
 */
function leadsToAnchor(
  own: X509Certificate,
  others: readonly X509Certificate[],
  anchors: readonly TlsaRecord[],
  now: number,
): boolean {
  const whole = anchors.filter(({ matchingType }) => matchingType === 0);
  const published = whole.flatMap(({ selector, data }) =>
    selector === 0 ? (certificateIn(data) ?? []) : [],
  );
  const keys = whole.flatMap(({ selector, data }) => (selector === 1 ? (keyIn(data) ?? []) : []));
  const candidates = [...others, ...published].filter((each) => each.ca && isValid(each, now));
  const reached = isValid(own, now) ? [own] : [];
  for (const certificate of reached) {
    if (keys.some((key) => isSignedBy(certificate, key))) return true;
    for (const issuer of candidates) {
      if (reached.includes(issuer) || !certificate.checkIssued(issuer)) continue;
      if (!isSignedBy(certificate, issuer.publicKey)) continue;
      if (anchors.some((anchor) => matches(anchor, issuer))) return true;
      reached.push(issuer);
    }
  }
  return false;
}

function isValid({ validFromDate, validToDate }: X509Certificate, now: number): boolean {
  return validFromDate.getTime() <= now && now <= validToDate.getTime();
}

function isSignedBy(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    return certificate.verify(key);
  } catch {
    // A key of another kind than the signature's.
    return false;
  }
}

function certificateIn(data: Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(data);
  } catch {
    return undefined;
  }
}

function keyIn(data: Uint8Array): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(data), type: 'spki', format: 'der' });
  } catch {
    return undefined;
  }
}
