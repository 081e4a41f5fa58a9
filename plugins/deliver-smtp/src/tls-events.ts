// Tells what became of TLS with each new connection to a next hop, in the words of RFC 8460 §4.3.

import type { EventSink } from '@posthouse/core';
import type { TransferServices } from '@posthouse/core/client';

export function tellOfTls(events: EventSink): NonNullable<TransferServices['opened']> {
  return (target, opened, { destination }) => {
    if (!events.wants('tls-attempted', true)) return;
    const { host, address, port, policy } = target;
    const fault =
      'kind' in opened
        ? opened.fault === undefined
          ? undefined
          : { kind: opened.fault, text: opened.text }
        : opened.tlsFault;
    // Where there was neither TLS nor a fault of it, nobody has asked for any, or nobody was there.
    if (fault === undefined && ('kind' in opened || opened.tls === undefined)) return;
    events.emit('tls-attempted', {
      transport: 'deliver-smtp',
      destination,
      host,
      address,
      port,
      ...(policy !== undefined && { policy }),
      result: fault?.kind ?? 'success',
      ...(fault !== undefined && { text: fault.text }),
    });
  };
}
