// What is agreed with a milter before anything is said (SMFIC_OPTNEG): version, actions, steps, macros. Pure.

import type { Frame } from './frame-reader.ts';
import {
  ACTION,
  type ActionName,
  frame,
  Nonsense,
  OFFERED_STEPS,
  SETS_MACROS,
  type Stage,
  VERSION,
} from './protocol.ts';

export interface Terms {
  readonly version: number;
  /** Bits of ACTION that it may use. */
  readonly actions: number;
  /** Bits of UNWANTED, UNANSWERED and the other steps that it asked for. */
  readonly steps: number;
  /** The macros that it wants in a stage, where it said so. */
  readonly macros: { readonly [S in Stage]?: readonly string[] };
}

/** SMFIM_*. */
const STAGES: readonly Stage[] = ['connect', 'helo', 'mail', 'rcpt', 'data', 'eom', 'eoh'];
const MAX_MACROS = 100;

export function offer(actions: readonly ActionName[]): Buffer {
  const data = Buffer.alloc(12);
  data.writeUInt32BE(VERSION, 0);
  data.writeUInt32BE(actionBits(actions) | SETS_MACROS, 4);
  data.writeUInt32BE(OFFERED_STEPS, 8);
  return frame('negotiate', data);
}

function actionBits(actions: readonly ActionName[]): number {
  return actions.reduce((bits, name) => bits | ACTION[name], 0);
}

/** Throws Nonsense where it wants what it was not offered. */
export function readTerms({ letter, data }: Frame, offered: readonly ActionName[]): Terms {
  if (letter !== 'O' || data.length < 12) throw new Nonsense('no answer to the negotiation');
  const version = data.readUInt32BE(0);
  // Version 2 is the oldest that is still spoken.
  if (version < 2 || version > VERSION) throw new Nonsense(`protocol version ${version}`);
  const actions = data.readUInt32BE(4);
  const steps = data.readUInt32BE(8);
  const beyond = actions & ~(actionBits(offered) | SETS_MACROS);
  if (beyond !== 0) throw new Nonsense(`it needs actions that it is not allowed: 0x${beyond.toString(16)}`);
  if ((steps & ~OFFERED_STEPS) !== 0)
    throw new Nonsense(`it asks for unknown steps: 0x${steps.toString(16)}`);
  return { version, actions, steps, macros: macrosOf(data.subarray(12)) };
}

function macrosOf(data: Buffer): Terms['macros'] {
  const macros: { [S in Stage]?: readonly string[] } = {};
  let at = 0;
  while (at + 4 < data.length) {
    const stage = STAGES[data.readUInt32BE(at)];
    const end = data.indexOf(0, at + 4);
    if (stage === undefined || end === -1) throw new Nonsense('a list of macros for no stage');
    macros[stage] = data
      .toString('latin1', at + 4, end)
      .split(/[ ,]+/)
      .filter((name) => name !== '')
      .slice(0, MAX_MACROS);
    at = end + 1;
  }
  return macros;
}
