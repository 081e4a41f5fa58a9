// XCLIENT and XFORWARD in a session: whether they are for this client at all, and what they change.

import {
  type ClientAttributes,
  type ForwardedAttributes,
  parseXclient,
  parseXforward,
} from './client-attributes.ts';
import type { Command } from './command.ts';
import { IN_TRANSACTION, NOT_TRUSTED, refusalOf, UNKNOWN_COMMAND } from './session-replies.ts';
import type { SessionOptions, Step } from './session-steps.ts';

export type ClaimCommand = Extract<Command, { verb: 'XCLIENT' | 'XFORWARD' }>;

export type Claim =
  | { readonly refusal: Step }
  | { readonly client: ClientAttributes }
  | { readonly forwarded: ForwardedAttributes };

/** @param allowed `none`: nobody on this listener may use them, and so they are not known */
export function readClaim(
  { verb, argument }: ClaimCommand,
  allowed: SessionOptions['xclient'],
  inTransaction: boolean,
): Claim {
  if (allowed === 'none') return { refusal: UNKNOWN_COMMAND };
  if (allowed === 'refused') return { refusal: NOT_TRUSTED };
  if (inTransaction) return { refusal: IN_TRANSACTION };
  const attributes = verb === 'XCLIENT' ? parseXclient(argument) : parseXforward(argument);
  if ('fault' in attributes) return { refusal: refusalOf(attributes.fault) };
  return verb === 'XCLIENT'
    ? { client: attributes as ClientAttributes }
    : { forwarded: attributes as ForwardedAttributes };
}
