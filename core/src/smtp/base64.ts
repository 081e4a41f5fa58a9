// BASE64 as SASL wants it (RFC 4648 §4): the standard alphabet, padded, nothing between, in its one canonical form.

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** undefined where the text is not BASE64. */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (!BASE64.test(text)) return undefined;
  const octets = atob(text);
  // RFC 4648 §3.5: bits beyond the last octet must be zero, or one value would have several spellings.
  if (btoa(octets) !== text) return undefined;
  return Uint8Array.from(octets, (octet) => octet.charCodeAt(0));
}

export function encodeBase64(bytes: Uint8Array): string {
  let octets = '';
  for (const octet of bytes) octets += String.fromCharCode(octet);
  return btoa(octets);
}
