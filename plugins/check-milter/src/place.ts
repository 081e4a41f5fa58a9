// Where a milter listens, as milters and mail servers write it. Pure.

export type Place = { readonly path: string } | { readonly host: string; readonly port: number };

/**
 * `/path`, `unix:/path` and `local:/path` are Unix sockets; `host:port`, `inet:host:port` (Postfix) and `inet:port@host`
 * (milters, Sendmail) are TCP. Undefined when it is none of them.
 */
export function placeOf(at: string): Place | undefined {
  const path = /^(?:(?:unix|local):)?(\/.+)$/.exec(at)?.[1];
  if (path !== undefined) return { path };
  const plain = at.replace(/^inet6?:/, '');
  const swapped = /^(\d{1,5})@(.+)$/.exec(plain);
  const [host, port] =
    swapped === null
      ? (/^(\[[^\]]+\]|[^:/@\s]+):(\d{1,5})$/.exec(plain) ?? []).slice(1)
      : [swapped[2], swapped[1]];
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) return undefined;
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
}
