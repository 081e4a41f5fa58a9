// The door of the client's side, public as `@posthouse/core/client`: for transports that speak SMTP or LMTP to others.

export { asciiDomain, ClaimedDomains, withoutDetail } from './claimed-domains.ts';
export { Connection } from './connection.ts';
export { type Credentials, type HopLogin, hopLogin } from './credentials.ts';
export { deferralOfRefusal, outcomeOfReply } from './outcome-of-reply.ts';
export { type OutgoingMessage, outgoingMessage } from './outgoing-message.ts';
export { trustIn } from './peer-certificate.ts';
export { Pool } from './pool.ts';
export {
  type ConnectionSettings,
  poolProperties,
  type TlsMode,
  type TlsTrust,
  timeoutProperties,
} from './settings.ts';
export { formatTarget, type Target, type TlsTrial } from './target.ts';
export { type TlsaRecord, tlsaFault, usableTlsa } from './tlsa.ts';
export { type Fallback, type Targets, type TransferServices, transfer } from './transfer.ts';
export type { TlsFault, Trouble } from './trouble.ts';
