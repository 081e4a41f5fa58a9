// Notes what each handler was asked and what it answered, in the order of the asking: the trace of a rehearsal.

import type {
  ConnectAsked,
  Events,
  Handler,
  Hooks,
  Json,
  Observers,
  Placed,
  SessionHook,
  Verdict,
} from '../../contract/index.ts';
import { type Edit, EditList, NoteBook, type PlannedPlugin } from '../../hooks/index.ts';

/** A verdict in plain words. */
export interface SaidVerdict {
  /** `continue`: no opinion. */
  readonly verdict: Verdict['kind'];
  readonly reason?: string;
  readonly status?: string;
  readonly text?: string;
  /** Of a verdict for single recipients. */
  readonly recipient?: string;
}

/** One handler that was asked. */
export interface Call {
  readonly hook: SessionHook;
  /** null: nobody had an opinion, and the core's default holds. */
  readonly plugin: string | null;
  /** false: in mode `observe`, recorded and not applied. */
  readonly applied: boolean;
  /** One, or one for each recipient that on-data answers for itself. Empty where the handler failed. */
  readonly said: readonly SaidVerdict[];
  /** Why it failed: it threw, took too long, or answered what is no answer. */
  readonly failure?: string;
  /** What it wants changed in the message, in words. */
  readonly edits: readonly string[];
  /** The notes that it set. */
  readonly notes: { readonly [name: string]: Json };
  /** Its verdict is an earlier one, which was held back until RCPT. */
  readonly heldBack?: true;
  readonly milliseconds: number;
}

const DIALOGUE: readonly SessionHook[] = ['on-connect', 'on-mail-from', 'on-rcpt', 'on-data'];

type AnyHandler = (asked: ConnectAsked) => unknown;

export class CallRecorder {
  readonly #stopwatch: () => number;
  #calls: Call[] = [];
  /** Who is being asked: a late answer counts no more. */
  #asked: { readonly call: Omit<Call, 'said'>; readonly began: number } | undefined;

  /** @param stopwatch milliseconds, with fractions, from any moment on */
  constructor(stopwatch: () => number) {
    this.#stopwatch = stopwatch;
  }

  /** What has been asked since it was last taken. */
  take(): readonly Call[] {
    const calls = this.#calls;
    this.#calls = [];
    return calls;
  }

  /** The plugin with handlers that are noted. */
  recorded(plugin: PlannedPlugin): PlannedPlugin {
    const hooks: Record<string, unknown> = {};
    for (const hook of DIALOGUE) {
      const placed = plugin.hooks[hook] as Placed<AnyHandler> | undefined;
      if (placed === undefined) continue;
      const handler = typeof placed === 'function' ? placed : placed.handler;
      const order = typeof placed === 'function' ? undefined : placed.order;
      hooks[hook] = { ...(order && { order }), handler: this.#noted(hook, plugin, handler) };
    }
    return { ...plugin, hooks: hooks as Hooks };
  }

  /** What the pipeline tells of failures, of defaults, and of verdicts that were held back. */
  get observers(): Observers {
    return {
      'handler-failed': (facts) => this.#failed(facts),
      'verdict-given': (facts) => this.#ruled(facts),
    };
  }

  #noted(hook: SessionHook, { name, mode }: PlannedPlugin, handler: AnyHandler): Handler<SessionHook> {
    return ((asked: ConnectAsked & { readonly edits?: unknown }) => {
      const edits = asked.edits instanceof EditList ? asked.edits : undefined;
      const editsBefore = edits?.all.length ?? 0;
      const notesBefore = notesOf(asked);
      const call = { hook, plugin: name, applied: mode === 'enforce', edits: [], notes: {}, milliseconds: 0 };
      const turn = { call, began: this.#stopwatch() };
      this.#asked = turn;
      const note = <T>(answer: T): T => {
        if (this.#asked !== turn) return answer;
        this.#asked = undefined;
        this.#calls.push({
          ...call,
          said: wordsOf(answer),
          edits: edits === undefined ? [] : edits.all.slice(editsBefore).map(describeEdit),
          notes: changedNotes(notesBefore, notesOf(asked)),
          milliseconds: this.#stopwatch() - turn.began,
        });
        return answer;
      };
      const answer = handler(asked);
      return typeof (answer as PromiseLike<unknown> | null | undefined)?.then === 'function'
        ? Promise.resolve(answer).then(note)
        : note(answer);
    }) as Handler<SessionHook>;
  }

  #failed({ hook, plugin, problem, error }: Events['handler-failed']): void {
    if (hook === 'on-deliver') return;
    const failure = `${PROBLEMS[problem]}: ${error}`;
    const asked = this.#asked;
    this.#asked = undefined;
    if (asked !== undefined) {
      this.#calls.push({ ...asked.call, said: [], failure, milliseconds: this.#stopwatch() - asked.began });
      return;
    }
    // An answer that is none, or an edit that failed at the commit: the call itself is noted already.
    const index = this.#calls.findLastIndex((call) => call.hook === hook && call.plugin === plugin);
    const call = this.#calls[index];
    if (call !== undefined) this.#calls[index] = { ...call, said: [], failure };
  }

  #ruled(facts: Events['verdict-given']): void {
    const { hook, plugin, applied } = facts;
    // The asking itself is noted with what it answered.
    if (plugin !== null && this.#calls.some((call) => call.hook === hook && call.plugin === plugin)) return;
    this.#calls.push({
      hook,
      plugin,
      applied,
      said: [saidOf(facts.verdict, facts)],
      edits: [],
      notes: {},
      ...(plugin !== null && { heldBack: true }),
      milliseconds: 0,
    });
  }
}

const PROBLEMS: { readonly [P in Events['handler-failed']['problem']]: string } = {
  threw: 'threw',
  'timed-out': 'took too long',
  'illegal-answer': 'gave no lawful answer',
};

interface VerdictFacts {
  readonly reason?: string | undefined;
  readonly status?: string | undefined;
  readonly text?: string | undefined;
}

function saidOf(
  verdict: Verdict['kind'],
  { reason, status, text }: VerdictFacts,
  recipient?: string,
): SaidVerdict {
  return {
    verdict,
    ...(recipient !== undefined && { recipient }),
    ...(status !== undefined && { status }),
    ...(reason !== undefined && { reason }),
    ...(text !== undefined && { text }),
  };
}

/** Nonsense has no words: the pipeline tells of it. */
function wordsOf(answer: unknown): readonly SaidVerdict[] {
  if (answer === undefined) return [{ verdict: 'continue' }];
  if (typeof answer !== 'object' || answer === null) return [];
  const verdict = answer as Verdict;
  if (verdict.kind !== 'per-recipient') return [saidOf(verdict.kind, verdict as VerdictFacts)];
  if (!(verdict.verdicts instanceof Map)) return [];
  return [...verdict.verdicts].map(([recipient, each]) =>
    saidOf(each.kind, each as VerdictFacts, String(recipient)),
  );
}

function describeEdit(edit: Edit): string {
  switch (edit.kind) {
    case 'prepend':
      return `adds ${edit.name}: ${edit.value}`;
    case 'replace':
      return `sets ${edit.name}: ${edit.value}`;
    case 'remove':
      return `removes ${edit.which === undefined ? 'every' : 'some'} ${edit.name}`;
    case 'recipient':
      return `adds the recipient ${edit.recipient}`;
    case 'sender':
      return `sets the sender to ${edit.sender ?? '<>'}`;
    case 'priority':
      return `sets the priority to ${edit.priority}`;
    case 'rewrite':
      return 'rewrites the body';
    case 'sign':
      return 'signs what goes out';
    case 'result':
      return `notes ${edit.result.method}=${edit.result.result} in Authentication-Results`;
  }
}

function notesOf({ notes }: ConnectAsked): { readonly [name: string]: Json } {
  return notes instanceof NoteBook ? notes.toJSON() : {};
}

function changedNotes(
  before: { readonly [name: string]: Json },
  after: { readonly [name: string]: Json },
): { readonly [name: string]: Json } {
  return Object.fromEntries(Object.entries(after).filter(([name, value]) => before[name] !== value));
}
