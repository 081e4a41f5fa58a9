// The door of authentication/: who a client is.

export { AuthenticatorList, type ListedAuthenticator } from './authenticator-list.ts';
export { channelBinding } from './channel-binding.ts';
export { inTurn } from './in-turn.ts';
export { LoginDesk, type LoginFailures, type LoginServices } from './login-desk.ts';
export { scramHash, scramHmac, scramNonce } from './scram-crypto.ts';
