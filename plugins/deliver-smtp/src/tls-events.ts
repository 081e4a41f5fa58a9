// Tells what became of TLS with each new connection to a next hop, in the words of RFC 8460 §4.3.

import { type EventSink, unmapped } from '@posthouse/core';
import type { TlsFault, TransferServices, Trouble } from '@posthouse/core/client';

export function tellOfTls(events: EventSink): NonNullable<TransferServices['opened']> {
  return (target, opened, { destination, message }) => {
    if (!events.wants('tls-attempted', true)) return;
    const { host, address, port, policy, domain, published, publishedFault } = target;
    const fault = 'kind' in opened ? faultOfTrouble(opened) : opened.tlsFault;
    // Where there was neither TLS nor a fault of it, nobody has asked for any, or nobody was there.
    if (fault === undefined && ('kind' in opened || opened.tls === undefined)) return;
    const wrong = fault ?? publishedFault;
    const { plugin } = message.origin;
    events.emit('tls-attempted', {
      transport: 'deliver-smtp',
      destination,
      ...(domain !== undefined && { domain }),
      ...(published !== undefined && { published }),
      ...(plugin !== undefined && { plugin }),
      host,
      address,
      port,
      ...(opened.localAddress !== undefined && { localAddress: unmapped(opened.localAddress) }),
      ...(policy !== undefined && { policy }),
      result: wrong?.kind ?? 'success',
      ...(wrong !== undefined && { text: wrong.text }),
    });
  };
}

/** RFC 8460 §4.3.3: a handshake that fails for reasons of its own has the one name for all of them. */
function faultOfTrouble({ kind, fault, text }: Trouble): TlsFault | undefined {
  if (fault !== undefined) return { kind: fault, text };
  return kind === 'tls-failed' ? { kind: 'validation-failure', text } : undefined;
}
