// A report by HTTPS (RFC 8460 §5.4), to a URL that a stranger has written: never to this machine or its networks, without
// redirections, and within bounds of time.

import { request } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { Clock, Resolver, TrustedNetworks } from '@posthouse/core';

export interface PostServices {
  readonly resolver: Pick<Resolver, 'addresses'>;
  readonly clock: Clock;
  /** Where nothing is posted. */
  readonly forbidden: Pick<TrustedNetworks, 'has'>;
  /** Milliseconds for all of it. */
  readonly timeout: number;
  /** CAs that are trusted, PEM. Default: the system's. */
  readonly ca?: string;
}

/** Resolves when the server has taken it; rejects with an Error that says why not. */
export async function postReport(url: string, packed: Uint8Array, services: PostServices): Promise<void> {
  const { hostname } = new URL(url);
  const address = await addressOf(hostname.replace(/^\[|\]$/g, ''), services);
  const status = await post(url, packed, address, services);
  if (status < 200 || status > 299) throw new Error(`HTTP ${status}`);
}

/** The one that is posted to: what was checked is what is connected to. */
async function addressOf(host: string, { resolver, forbidden }: PostServices): Promise<string> {
  const found = isIP(host) === 0 ? await resolver.addresses(host) : { v4: [host], v6: [] };
  const [address] = [...found.v4, ...found.v6];
  if (address === undefined) throw new Error(`${host} has no address`);
  if ([...found.v4, ...found.v6].some((each) => forbidden.has(each)))
    throw new Error(`${host} has an address in a local network`);
  return address;
}

function post(
  url: string,
  packed: Uint8Array,
  address: string,
  { clock, timeout, ca }: PostServices,
): Promise<number> {
  const lookup: LookupFunction = (_host, options, callback) => {
    const family = isIP(address);
    if (options.all) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
  return new Promise((resolve, reject) => {
    const asked = request(url, {
      method: 'POST',
      agent: false,
      lookup,
      headers: {
        'content-type': 'application/tlsrpt+gzip',
        'content-length': packed.length,
        'user-agent': 'posthouse',
      },
      ...(ca !== undefined && { ca }),
    });
    const timer = clock.after(timeout, () => asked.destroy(new Error('no answer in time')));
    asked.on('error', (error) => {
      timer.stop();
      reject(error);
    });
    asked.on('response', (response) => {
      timer.stop();
      // Whatever it says besides concerns nobody.
      response.on('error', () => {}).destroy();
      resolve(response.statusCode ?? 0);
    });
    asked.end(packed);
  });
}
