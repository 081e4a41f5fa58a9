// A Mailer that keeps what it is given, for the test to look at; nothing is sent.

import type { Mailer, OwnMail } from '../contract/index.ts';

export interface RecordingMailer extends Mailer {
  readonly sent: readonly OwnMail[];
}

export function recordingMailer(): RecordingMailer {
  const sent: OwnMail[] = [];
  return {
    sent,
    async send(mail) {
      sent.push(mail);
    },
  };
}
