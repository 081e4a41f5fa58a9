// The chain of those who have handed a message on (RFC 8617), by mailauth: few messages have one.

import type { ArcData, ArcVerifier, Engine } from './engine.ts';
import { type Field, octetFields } from './header-fields.ts';
import type { Lookups } from './lookups.ts';
import type { ArcResult } from './results.ts';

export const NO_ARC: ArcResult = { result: 'none', reason: '', sealers: [], dmarcPassed: false };

export interface ArcSettings {
  readonly minBits: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly client: string;
}

export class ArcCheck {
  readonly #engine: Engine;
  readonly #verifier: ArcVerifier;
  readonly #options: object;

  private constructor(engine: Engine, options: object) {
    this.#engine = engine;
    this.#options = options;
    this.#verifier = new engine.ArcVerifier(options);
  }

  static async begin(
    engine: Engine,
    header: Buffer,
    fields: readonly Field[],
    lookups: Lookups,
    { minBits, now, client }: ArcSettings,
  ): Promise<ArcCheck> {
    const check = new ArcCheck(engine, {
      resolver: lookups.ask,
      strict: true,
      minBitLength: minBits,
      curTime: now,
      ip: client,
      // Else it takes a Return-Path field of the message for the sender.
      sender: 'postmaster@localhost',
    });
    await check.#verifier.messageHeaders({ parsed: octetFields(fields), original: header });
    return check;
  }

  update(body: Uint8Array): Promise<void> {
    return this.#verifier.nextChunk(body);
  }

  /** No body may follow. */
  async result(): Promise<ArcResult> {
    await this.#verifier.finalChunk();
    const { status } = await this.#engine.arc(this.#verifier.arc, this.#options);
    return arcResult(this.#verifier.arc, status);
  }
}

function arcResult(
  { chain }: ArcData,
  { result, comment = '' }: { result: string; comment?: string },
): ArcResult {
  const sets = chain === false ? [] : chain;
  const first = sets[0]?.['arc-authentication-results']?.original?.toString('latin1') ?? '';
  return {
    result,
    reason: result === 'fail' ? comment : '',
    sealers: sets.map((set) => set['arc-seal']?.parsed?.d?.value?.toLowerCase() ?? ''),
    dmarcPassed: saysDmarcPass(first),
  };
}

/** Whether a field of results has `dmarc=pass` outside comments, which nest, and quoted strings. */
export function saysDmarcPass(field: string): boolean {
  let plain = '';
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < field.length; index++) {
    const character = field[index] as string;
    if (character === '\\' && (quoted || depth > 0)) index += 1;
    else if (quoted) quoted = character !== '"';
    else if (character === '(') depth += 1;
    else if (character === ')') depth = Math.max(0, depth - 1);
    else if (depth > 0) continue;
    else if (character === '"') quoted = true;
    else plain += character;
  }
  return /;\s*dmarc\s*=\s*pass(?![\w-])/i.test(plain);
}
