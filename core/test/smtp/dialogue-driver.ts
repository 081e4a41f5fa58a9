// A dialogue for the tests, written as a transcript.

import { mailbox } from '../../src/smtp/address.ts';
import { SmtpDialogue } from '../../src/smtp/dialogue.ts';
import type { DialogueStep } from '../../src/smtp/dialogue-steps.ts';
import type { Envelope } from '../../src/smtp/envelope.ts';

export const octets = (text: string) => new TextEncoder().encode(text);

export function envelope(changes: Partial<Envelope> = {}, ...recipients: string[]): Envelope {
  const to = recipients.length > 0 ? recipients : ['b@b.example'];
  return {
    sender: mailbox('a@a.example'),
    parameters: {},
    recipients: to.map((address) => ({ address: mailbox(address), parameters: {} })),
    size: 100,
    eightBit: false,
    eightBitHeader: false,
    ...changes,
  };
}

/** A dialogue as a transcript: a list of what was heard and, behind `>`, what was done. */
export class Talk {
  readonly dialogue: SmtpDialogue;
  readonly done: string[] = [];
  steps: DialogueStep[] = [];

  constructor(...heard: string[]) {
    this.dialogue = new SmtpDialogue('mx.a.example', this.protocol);
    this.take(this.dialogue.begin());
    for (const text of heard) this.hear(text);
  }

  hear(text: string): this {
    return this.take(this.dialogue.receive(octets(text)));
  }

  take(steps: DialogueStep[]): this {
    for (const step of steps) {
      this.steps.push(step);
      this.done.push(spell(step));
    }
    return this;
  }

  /** What was done since the last asking. */
  get protocol(): 'smtp' | 'lmtp' {
    return 'smtp';
  }

  get news(): string[] {
    return this.done.splice(0);
  }

  ready(...keywords: string[]): this {
    const lines = ['mx.b.example', ...keywords];
    this.hear('220 mx.b.example\r\n');
    this.hear(lines.map((line, index) => `250${index === lines.length - 1 ? ' ' : '-'}${line}\r\n`).join(''));
    this.done.length = 0;
    return this;
  }

  send(of: Envelope): this {
    return this.take(this.dialogue.send(of));
  }
}

export class LmtpTalk extends Talk {
  override get protocol(): 'lmtp' {
    return 'lmtp';
  }
}

function spell(step: DialogueStep): string {
  switch (step.do) {
    case 'send':
      return `> ${step.text.trimEnd().replaceAll('\r\n', ' | ')}`;
    case 'result':
      return `result ${step.recipients
        .map(
          ({ during, reply }) =>
            `${during} ${reply === undefined ? '-' : `${reply.code} ${reply.status ?? ''}`.trim()}`,
        )
        .join(', ')}`;
    case 'refused':
    case 'fault':
      return `${step.do} ${step.during}`;
    case 'send-octets':
      return `> ${step.command.trimEnd()} + octets`;
    default:
      return step.do;
  }
}
