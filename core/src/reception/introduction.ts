// The event that a trusted client has spoken for another one. Pure.

import type { Events } from '../contract/index.ts';
import type { ClientAttributes, ForwardedAttributes } from '../smtp/index.ts';
import type { SessionFacts } from './session-facts.ts';

/** @param facts as they are afterwards */
export function introduction(
  by: 'XCLIENT' | 'XFORWARD',
  said: Omit<ClientAttributes, 'protocol'> & Pick<ForwardedAttributes, 'ident'>,
  { id, proxy, remoteAddress }: SessionFacts,
): Events['client-introduced'] {
  const { address, name, helo, ident } = said;
  return {
    session: id,
    by,
    proxy: by === 'XCLIENT' && proxy !== undefined ? proxy.address : remoteAddress,
    ...(typeof address === 'string' && { remoteAddress: address }),
    ...(typeof name === 'string' && { name }),
    ...(typeof helo === 'string' && { helo }),
    ...(typeof ident === 'string' && { ident }),
  };
}
