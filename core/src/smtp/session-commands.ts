// What each command of a session does once it may come: who the client says it is, the transaction it builds, and what
// it is told. The octets of messages and TLS are session.ts's.

import type { Command, HelloCommand } from './command.ts';
import { ehloSupport, HELO_SUPPORT } from './extensions.ts';
import type { AuthStep, SessionAuth } from './session-auth.ts';
import { SessionBody } from './session-body.ts';
import { type ClaimCommand, readClaim } from './session-claims.ts';
import { readMail, readRcpt } from './session-envelope.ts';
import type { SessionGate } from './session-gate.ts';
import { helloReply, helpReply, type OnOffer } from './session-greeting.ts';
import type { SessionOutlet } from './session-outlet.ts';
import * as say from './session-replies.ts';
import type { SessionOptions, Step } from './session-steps.ts';
import type { SessionTransaction } from './session-transaction.ts';

const RESET: Step = { do: 'reset' };

/** What a command can touch. */
export interface SessionParts {
  readonly options: SessionOptions;
  readonly gate: SessionGate;
  readonly auth: SessionAuth;
  readonly transaction: SessionTransaction;
  readonly out: SessionOutlet;
}

export class SessionCommands {
  /** What the client called itself in its last EHLO, HELO or LHLO. */
  helo: string | undefined;
  /** The last greeting was EHLO or LHLO. */
  esmtp = false;
  readonly #options: SessionOptions;
  readonly #gate: SessionGate;
  readonly #auth: SessionAuth;
  readonly #transaction: SessionTransaction;
  readonly #out: SessionOutlet;

  constructor({ options, gate, auth, transaction, out }: SessionParts) {
    this.#options = options;
    this.#gate = gate;
    this.#auth = auth;
    this.#transaction = transaction;
    this.#out = out;
  }

  /** RFC 3207 §4.2: the greeting is to be said again. */
  forget(): void {
    this.helo = undefined;
    this.esmtp = false;
  }

  serve(command: Command): void {
    const out = this.#out;
    switch (command.verb) {
      case 'MAIL':
        this.#mail(command.argument);
        return;
      case 'RCPT':
        this.#rcpt(command.argument);
        return;
      case 'DATA':
        this.#transaction.body = new SessionBody(this.#options, false);
        out.say(say.START_MAIL_INPUT);
        return;
      case 'EHLO':
      case 'HELO':
      case 'LHLO':
        this.#hello(command);
        return;
      case 'RSET':
        this.endTransaction();
        out.withoutMail(say.OK);
        return;
      case 'NOOP':
        out.withoutMail(say.OK);
        return;
      case 'VRFY':
        if (this.#options.vrfy === 'off') out.refuse(say.NOT_IMPLEMENTED);
        else if (command.argument === '') out.refuse(say.VRFY_WHOM);
        else out.withoutMail(say.CANNOT_VRFY);
        return;
      case 'HELP':
        out.withoutMail(helpReply(this.#options, this.#onOffer));
        return;
      case 'QUIT':
        out.say(say.closingReply(this.#options.hostname));
        out.close('quit');
        return;
      case 'XCLIENT':
      case 'XFORWARD':
        this.#claim(command);
        return;
      case 'AUTH':
        this.carryOut(this.#auth.begin(command, this.#gate.secure, this.esmtp, this.#transaction.open));
        return;
      default:
        out.refuse(say.refusalOfCommand(command));
        return;
    }
  }

  /** What AUTH leads to, whether by the command, a response or an answer. */
  carryOut(step: AuthStep): void {
    const out = this.#out;
    if (step.do === 'ask') out.ask({ hook: null, login: step.login });
    else if (step.do === 'disconnect') out.enough(step.text);
    else if (step.refused) out.refuse(step);
    else out.say(step);
    if (this.#auth.exhausted) out.enough('Too many authentication failures');
  }

  endTransaction(): void {
    if (!this.#transaction.open) return;
    this.#transaction.reset();
    this.#out.say(RESET);
  }

  get #onOffer(): OnOffer {
    return {
      startTls: this.#gate.tls === 'offered',
      requireTls: this.#gate.secure,
      auth: this.#auth.offered(this.#gate.secure),
      dsn: this.#mayAskForNotices,
      futureRelease: this.#auth.mayHold ? this.#options.futureRelease : undefined,
    };
  }

  get #mayAskForNotices(): boolean {
    const { dsn } = this.#options;
    return dsn === 'on' || (dsn === 'authenticated' && this.#auth.user !== undefined);
  }

  #hello({ verb, domain }: HelloCommand): void {
    // RFC 2033 §4.1: LHLO takes the place of both.
    if ((verb === 'LHLO') !== (this.#options.protocol === 'lmtp')) {
      this.#out.refuse(say.UNKNOWN_COMMAND);
      return;
    }
    this.endTransaction(); // RFC 5321 §4.1.4: EHLO clears the state as RSET does
    this.helo = domain;
    this.esmtp = verb !== 'HELO';
    this.#out.withoutMail(helloReply(this.#options, this.esmtp, this.#onOffer));
  }

  #mail(argument: string): void {
    const out = this.#out;
    const requiretls = this.#gate.secure;
    const auth = this.#auth.parameter(requiretls);
    const { binaryMime } = this.#options;
    // RFC 4865 §4: for submission, and so for those who have shown who they are.
    const futureRelease = auth === 'done' && this.#options.futureRelease !== undefined;
    const dsn = this.#mayAskForNotices;
    const support = this.esmtp
      ? ehloSupport({ binaryMime, dsn, auth: auth !== 'none', requiretls, futureRelease })
      : HELO_SUPPORT;
    const mail = this.#auth.missing
      ? { refusal: say.AUTH_REQUIRED }
      : readMail(argument, support, this.#options, auth === 'done');
    if ('refusal' in mail) out.refuse(mail.refusal);
    else if (out.tally.begins()) out.enough('Too many messages in one session');
    else {
      this.#transaction.expect(mail.parameters);
      out.ask({ hook: 'on-mail-from', ...mail });
    }
  }

  #rcpt(argument: string): void {
    const out = this.#out;
    // Of what a listener may lack only DSN has parameters of RCPT.
    const support = this.esmtp
      ? ehloSupport({
          binaryMime: false,
          dsn: this.#mayAskForNotices,
          auth: false,
          requiretls: false,
          futureRelease: false,
        })
      : HELO_SUPPORT;
    const rcpt = readRcpt(argument, support, this.#transaction.smtputf8);
    if ('refusal' in rcpt) out.refuse(rcpt.refusal);
    // No bad command: RFC 5321 §4.5.3.1.10 has the client send the rest in another transaction.
    else if (this.#transaction.accepted >= this.#options.recipients) out.say(say.TOO_MANY_RECIPIENTS);
    else out.ask({ hook: 'on-rcpt', ...rcpt });
  }

  /** A trusted client speaks for another one. After XCLIENT the dialogue is where the banner is. */
  #claim(command: ClaimCommand): void {
    const out = this.#out;
    const claim = readClaim(command, this.#options.xclient, this.#transaction.open);
    if ('refusal' in claim) out.refuse(claim.refusal);
    else if ('client' in claim) {
      const { client } = claim;
      this.helo = client.helo ?? undefined;
      this.esmtp = this.#options.protocol === 'lmtp' || client.protocol === 'ESMTP';
      this.#auth.assume(client);
      out.say({ do: 'client-is', client });
      out.ask({ hook: 'on-connect' });
    } else {
      out.say({ do: 'forwarded', forwarded: claim.forwarded });
      out.withoutMail(say.OK);
    }
  }
}
