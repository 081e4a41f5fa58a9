// From a recipient's domain to the next hop, as the configuration has it. A next hop is written as the destination
// of the queue, and read from it again: recipients with the same next hop travel together, whatever their domains.

import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { isAddressLiteral, isDomainName } from '@posthouse/core/smtp';

export type NextHop =
  /** The hosts are found by MX. */
  | { readonly kind: 'domain'; readonly domain: string }
  /** A host, by name or address, without a look at MX. */
  | { readonly kind: 'host'; readonly host: string; readonly port: number };

/**
 * `example.org` is a domain; `[host]`, `[host]:port`, `host:port` and addresses are hosts.
 * Undefined when it is none of them.
 */
export function parseNextHop(text: string, defaultPort: number): NextHop | undefined {
  const bracketed = /^\[([^[\]]+)\](?::(\d{1,5}))?$/.exec(text) ?? /^([^:[\]]+):(\d{1,5})$/.exec(text);
  if (bracketed !== null) {
    const host = hostName((bracketed[1] as string).replace(/^IPv6:/i, ''));
    const port = bracketed[2] === undefined ? defaultPort : Number(bracketed[2]);
    return host === undefined || port < 1 || port > 65_535 ? undefined : { kind: 'host', host, port };
  }
  const name = hostName(text);
  if (name === undefined) return undefined;
  return isIP(name) === 0
    ? { kind: 'domain', domain: name }
    : { kind: 'host', host: name, port: defaultPort };
}

/** The one spelling of a next hop. */
export function formatNextHop(hop: NextHop): string {
  return hop.kind === 'domain' ? hop.domain : `[${hop.host}]:${hop.port}`;
}

/** As tables by next hop have it (DomainTable). */
export function tableKey(hop: NextHop): string {
  if (hop.kind === 'domain') return hop.domain;
  const version = isIP(hop.host);
  return version === 0 ? hop.host : version === 4 ? `[${hop.host}]` : `[IPv6:${hop.host}]`;
}

export interface RouteConfig {
  readonly domains?: readonly string[];
  readonly smarthost?: string;
  readonly routes: Readonly<Record<string, string>>;
  readonly port: number;
}

export class Routes {
  readonly #domains: DomainTable<true> | undefined;
  readonly #routes: DomainTable<string>;
  readonly #smarthost: string | undefined;
  readonly #port: number;

  /** Throws a TypeError that names what is wrong. */
  constructor({ domains, smarthost, routes, port }: RouteConfig) {
    this.#port = port;
    this.#domains = domains && new DomainTable(domains.map((domain) => [domain, true]));
    this.#routes = new DomainTable(
      Object.entries(routes).map(([domain, hop]) => [domain, this.#destination(hop)]),
    );
    this.#smarthost = smarthost === undefined ? undefined : this.#destination(smarthost);
  }

  /** The destination of a recipient's domain; undefined when it is not this transport's business. */
  destinationOf(domain: string): string | undefined {
    if (domain.startsWith('[')) return this.#destinationOfLiteral(domain);
    const name = asciiDomain(domain);
    if (name === undefined) return undefined;
    if (this.#domains !== undefined && this.#domains.find(name) === undefined) return undefined;
    return this.#routes.find(name) ?? this.#smarthost ?? name;
  }

  #destinationOfLiteral(literal: string): string | undefined {
    if (
      !isAddressLiteral(literal) ||
      (this.#domains !== undefined && this.#domains.find(literal) === undefined)
    ) {
      return undefined;
    }
    return this.#routes.find(literal) ?? this.#smarthost ?? this.#destination(literal);
  }

  #destination(text: string): string {
    const hop = parseNextHop(text, this.#port);
    if (hop === undefined) throw new TypeError(`not a next hop: ${JSON.stringify(text)}`);
    return formatNextHop(hop);
  }
}

/** Values by domain; the key `.example.org` stands for every domain below example.org, the longest key wins. */
export class DomainTable<T> {
  readonly #exact = new Map<string, T>();
  readonly #below = new Map<string, T>();

  constructor(entries: readonly (readonly [string, T])[]) {
    for (const [key, value] of entries) {
      const below = key.startsWith('.');
      const name = isAddressLiteral(key) ? key.toLowerCase() : asciiDomain(below ? key.slice(1) : key);
      if (name === undefined) throw new TypeError(`not a domain: ${JSON.stringify(key)}`);
      (below ? this.#below : this.#exact).set(name, value);
    }
  }

  find(name: string): T | undefined {
    const exact = this.#exact.get(name.startsWith('[') ? name.toLowerCase() : name);
    if (exact !== undefined || this.#below.size === 0) return exact;
    for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
      const value = this.#below.get(name.slice(dot + 1));
      if (value !== undefined) return value;
    }
    return undefined;
  }
}

function hostName(text: string): string | undefined {
  return isIP(text) === 0 ? asciiDomain(text) : text.toLowerCase();
}

/** In small letters, U-labels as A-labels; undefined for what is no domain name. */
function asciiDomain(text: string): string | undefined {
  if (isDomainName(text)) return text.toLowerCase();
  const ascii = isDomainName(text, true) ? domainToASCII(text) : '';
  return isDomainName(ascii) ? ascii : undefined;
}
