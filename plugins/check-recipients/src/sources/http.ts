// A web service that knows the mailboxes: the status of its answer says it all, its body is not read.

import { PosthouseError } from '@posthouse/core';
import type { HttpConfig } from '../config.ts';
import { filled, namesPart, type Source } from '../source.ts';

/** Throws `config-invalid`. */
export function httpSource({ url, method, headers, known, unknown }: HttpConfig): Source {
  const invalid = (text: string) => new PosthouseError('config-invalid', `check-recipients: http.${text}`);
  if (!namesPart(url)) throw invalid('url names neither {address} nor {local}');
  const both = known.find((status) => unknown.includes(status));
  if (both !== undefined) throw invalid(`known and http.unknown both have ${both}`);
  const example = { address: 'a@b', local: 'a', domain: 'b' };
  if (!URL.canParse(filled(url, example, encodeURIComponent))) throw invalid(`url ${url} is no URL`);
  const { origin } = new URL(filled(url, example, encodeURIComponent));
  return {
    name: `http ${origin}`,
    async knows(address, signal) {
      const place = new URL(filled(url, address, encodeURIComponent));
      // Dots survive the encoding, and `..` is a step up.
      if (place.origin !== origin || /^\.{1,2}$/.test(address.local)) throw new Error('no such place');
      const response = await fetch(place, { method, headers, redirect: 'manual', signal }).catch((error) => {
        throw error instanceof Error && error.cause instanceof Error ? error.cause : error;
      });
      await response.body?.cancel();
      if (known.includes(response.status)) return true;
      if (unknown.includes(response.status)) return false;
      throw new Error(`the service answered ${response.status}`);
    },
  };
}
