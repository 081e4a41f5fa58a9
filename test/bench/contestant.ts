// A server under test, as the bench sees it.

export type Job = 'accept' | 'relay' | 'maildir';

export interface Contestant {
  readonly name: string;
  /** Where to send. */
  readonly port: number;
  /** The process whose family is charged. */
  readonly pid: number;
  /** The folder into which the job `maildir` delivers. */
  readonly maildir: string;
  stop(): Promise<void>;
}

export interface Arena {
  /** A folder of its own on the disk of the bench. */
  readonly folder: string;
  readonly job: Job;
  /** The next hop of the job `relay`. */
  readonly nextHop: number;
}

export const RECIPIENT = 'box@posthouse.test';
