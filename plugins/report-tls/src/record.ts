// The record by which a domain asks for reports (RFC 8460 §3). Pure.

import { mailtoAddress, tagsOf } from '@posthouse/core/reporting';

export type Destination =
  | { readonly kind: 'mail'; readonly address: string }
  | { readonly kind: 'https'; readonly url: string };

/** Destinations of one record; a record with more names the first ones. */
const MAX_DESTINATIONS = 5;
const MAX_URL = 2000;

/** Where the reports go, by the TXT records of `_smtp._tls`. Empty where there is no record, several, or one that is none. */
export function destinationsOf(records: readonly string[]): readonly Destination[] {
  const [record, ...others] = records.filter((each) => /^v=TLSRPTv1[ \t]*;/.test(each));
  if (record === undefined || others.length > 0) return [];
  const uris = (tagsOf(record).get('rua') ?? '').split(',');
  return uris.flatMap((uri) => destinationOf(uri.trim()) ?? []).slice(0, MAX_DESTINATIONS);
}

/** For logs, and to know what has been sent. */
export function nameOf(destination: Destination): string {
  return destination.kind === 'mail' ? destination.address : destination.url;
}

function destinationOf(uri: string): Destination | undefined {
  if (/^https:/i.test(uri)) {
    if (uri.length > MAX_URL || !URL.canParse(uri)) return undefined;
    const { username, password, href } = new URL(uri);
    return username === '' && password === '' ? { kind: 'https', url: href } : undefined;
  }
  const address = mailtoAddress(uri);
  return address === undefined ? undefined : { kind: 'mail', address };
}
