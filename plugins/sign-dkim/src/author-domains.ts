// The domains of the addresses in a From field (RFC 5322 §3.4): who a message says it is from. Pure.

import { domainToASCII } from 'node:url';

/** Domains that are looked at; RFC 5322 allows several authors, mail with more of them is not ours to sign. */
const MAX_DOMAINS = 4;

/** In A-labels and small letters, each once, in order. Untrusted text: what is no domain is left out. */
export function authorDomains(value: string): readonly string[] {
  const domains = new Set<string>();
  for (const address of addresses(plain(value))) {
    const at = address.lastIndexOf('@');
    const domain = at === -1 ? '' : asciiDomain(address.slice(at + 1));
    if (domain !== '') domains.add(domain);
    if (domains.size > MAX_DOMAINS) return [];
  }
  return [...domains];
}

/** The domain in A-labels, '' when it is none. */
export function asciiDomain(domain: string): string {
  const trimmed = domain.trim().replace(/\.$/, '');
  if (!/^[\p{L}\p{M}\p{N}_-]+(?:\.[\p{L}\p{M}\p{N}_-]+)*$/u.test(trimmed)) return '';
  return /[^ -~]/.test(trimmed) ? domainToASCII(trimmed) : trimmed.toLowerCase();
}

/** Without comments, and with a word in place of each quoted string: what is left cannot hide a separator. */
function plain(value: string): string {
  let text = '';
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < value.length; index++) {
    const character = value[index] as string;
    if (character === '\\' && (quoted || depth > 0)) index += 1;
    else if (quoted) quoted = character !== '"';
    else if (character === '(') depth += 1;
    else if (character === ')' && depth > 0) depth -= 1;
    else if (depth > 0) continue;
    else if (character === '"') {
      quoted = true;
      text += 'quoted';
    } else text += character;
  }
  return quoted || depth > 0 ? '' : text;
}

function* addresses(text: string): Generator<string> {
  // A group (`Name: a@b, c@d;`) is the list that it holds.
  for (const part of text.split(/[,;]/)) {
    const angle = /<([^<>]*)>\s*$/.exec(part);
    yield angle === null ? part.slice(part.indexOf(':') + 1).trim() : (angle[1] as string);
  }
}
