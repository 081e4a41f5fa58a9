// The door of the ground floor: everything SMTP that is grammar and bytes, and nothing that touches the world.

export {
  type AddressOptions,
  Mailbox,
  mailbox,
  NON_ASCII_ADDRESS,
  type PathResult,
  parseForwardPath,
  parseMailbox,
  parseReversePath,
  type ReversePath,
} from './address.ts';
export { decodeBase64, encodeBase64 } from './base64.ts';
export type { ClientAttributes, ForwardedAttributes } from './client-attributes.ts';
export { type AuthCommand, type Command, parseCommand } from './command.ts';
export { SmtpDialogue } from './dialogue.ts';
export type { Awaited, DialogueStep } from './dialogue-steps.ts';
export { isAddressLiteral, isDomainName } from './domain.ts';
export { type BodyFindings, DotDecoder, DotEncoder } from './dot-stuffing.ts';
export type { Envelope, EnvelopeRecipient } from './envelope.ts';
export { type Extensions, ehloKeywords } from './extensions.ts';
export { type FutureReleaseOffer, releaseTime } from './future-release.ts';
export {
  type BodyPolicy,
  bodyFault,
  type LineEndFindings,
  LineEndNormaliser,
  LineEndScanner,
} from './line-ends.ts';
export { type LineResult, LineSplitter } from './line-splitter.ts';
export { MailDates, mailDate } from './mail-date.ts';
export type { Offer } from './offer.ts';
export {
  type BodyType,
  type MailParameters,
  type Notify,
  type ParameterSupport,
  parseMailParameters,
  parseRcptParameters,
  type RcptParameters,
} from './parameters.ts';
export { type Fault, faultReply, formatReply, printable, type Reply, reply } from './reply.ts';
export { ReplyParser } from './reply-parser.ts';
export {
  type Login,
  type LoginAnswer,
  SASL_MECHANISMS,
  type SaslExchange,
  type SaslMechanism,
  type SaslStep,
  type ScramKeys,
} from './sasl.ts';
export { BearerExchange } from './sasl-bearer.ts';
export {
  CLIENT_MECHANISMS,
  type ClientMechanism,
  loginClient,
  plainClient,
  type SaslClient,
  ScramClient,
  type ScramClientTools,
  xoauth2Client,
} from './sasl-client.ts';
export { LoginExchange, PlainExchange } from './sasl-plain.ts';
export { ScramExchange, type ScramTools } from './sasl-scram.ts';
export { parseClientFinal, parseClientFirst, parseGs2Header } from './scram-messages.ts';
export {
  type Answer,
  type EachAnswer,
  type Question,
  type SessionOptions,
  SmtpSession,
  type Step,
} from './session.ts';
export type { AuthOptions } from './session-auth.ts';
export {
  describeStatus,
  type EnhancedStatus,
  isEnhancedStatus,
  isPermanentStatus,
  isSuccessStatus,
  isTransientStatus,
  type PermanentStatus,
  type SuccessStatus,
  type TransientStatus,
} from './status.ts';
export type { RecipientResult } from './transaction-outcome.ts';
export { formatUnicodeXtext, formatXtext, parseUnicodeXtext, parseXtext } from './xtext.ts';
