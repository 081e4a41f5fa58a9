// The DNS record of a DKIM key (RFC 6376 §3.6.1, RFC 8463 §4): written for a zone file, and compared with what is published.

import { createPublicKey, type KeyObject } from 'node:crypto';

/** RFC 1035 §3.3: octets of one string of a TXT record. */
const STRING = 255;

export function recordName(domain: string, selector: string): string {
  return `${selector}._domainkey.${domain}`;
}

/** The text of the record. @param key the private key */
export function recordOf(key: KeyObject): string {
  const der = createPublicKey(key).export({ type: 'spki', format: 'der' });
  // RFC 8463 §4: of Ed25519 the bare 32 octets, of RSA the SubjectPublicKeyInfo.
  return key.asymmetricKeyType === 'ed25519'
    ? `v=DKIM1; k=ed25519; p=${der.subarray(-32).toString('base64')}`
    : `v=DKIM1; k=rsa; p=${der.toString('base64')}`;
}

/** A line of a zone file; a text longer than one string may be is split into several. */
export function zoneLine(name: string, text: string): string {
  const strings: string[] = [];
  for (let at = 0; at < text.length; at += STRING) strings.push(`"${text.slice(at, at + STRING)}"`);
  const data = strings.length === 1 ? strings[0] : `( ${strings.join('\n\t')} )`;
  return `${name}. IN TXT ${data}`;
}

/** What is wrong with what is published, in words; undefined where receivers find the key. */
export function faultOfPublished(published: readonly string[], wanted: string): string | undefined {
  const records = published.filter((text) => tagsOf(text).has('p'));
  const [only] = records;
  if (only === undefined) {
    return published.length === 0 ? 'there is no TXT record' : 'there are TXT records, but none with a key';
  }
  // RFC 6376 §3.6.2.2: with several the result is undefined.
  if (records.length > 1) return `there are ${records.length} records with keys; only one may be there`;
  const tags = tagsOf(only);
  const ours = tagsOf(wanted);
  const version = tags.get('v');
  if (version !== undefined && version !== 'DKIM1') return `its version is v=${version}, not DKIM1`;
  if ((tags.get('k') ?? 'rsa') !== ours.get('k'))
    return `it is for k=${tags.get('k') ?? 'rsa'}, and the key for k=${ours.get('k')}`;
  if (tags.get('p') === '') return 'the key is revoked there: p= is empty';
  if (tags.get('p') !== ours.get('p')) return 'it holds the public key of another key';
  if (tags.has('h') && !tags.get('h')?.split(':').includes('sha256')) return 'its h= does not allow sha256';
  if (
    tags.has('s') &&
    !tags
      .get('s')
      ?.split(':')
      .some((service) => service === '*' || service === 'email')
  )
    return 'its s= does not allow email';
  return undefined;
}

/** RFC 6376 §3.6.1 `t=y`: receivers treat mail as if it were not signed. */
export function isTesting(published: readonly string[]): boolean {
  return published.some((text) => tagsOf(text).get('t')?.split(':').includes('y') ?? false);
}

/** RFC 6376 §3.2; white space means nothing in any of the values that are read here. */
function tagsOf(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split(';').flatMap((tag): [string, string][] => {
      const at = tag.indexOf('=');
      return at === -1 ? [] : [[tag.slice(0, at).trim(), tag.slice(at + 1).replace(/\s+/g, '')]];
    }),
  );
}
