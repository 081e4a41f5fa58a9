// A server under test, as the bench sees it, and what it can be asked to do.

/** Accept and carry to nowhere, hand on to a next hop, or deliver into a Maildir. */
export type Job = 'accept' | 'relay' | 'maildir';

export const JOBS = ['accept', 'relay', 'maildir'] as const satisfies readonly Job[];

/** A server that takes part: it is started anew for each job. */
export interface Contestant {
  /** What it is called in the tables, and in `--servers`. */
  readonly name: string;
  readonly jobs: readonly Job[];
  /** Whether its 250 means that the message has been synced to the disk. */
  readonly syncs: boolean;
  /** More sessions at a time than it serves are not asked of it. */
  readonly mostSessions?: number;
  /** Whether the job can be done under TLS; left out: yes. */
  readonly tls?: boolean;
  /** Its version where it is installed here, else undefined. */
  version(): string | undefined;
  start(arena: Arena): Promise<RunningServer>;
}

export interface RunningServer {
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

/** Where each message goes; its Maildir is called `box`. */
export const RECIPIENT = 'box@posthouse.test';
