// Cuts what a milter sends into frames (four octets of length, a letter, data), however it arrives, within fixed memory.

import { Nonsense } from './protocol.ts';

export interface Frame {
  /** The letter of the answer (SMFIR_*). */
  readonly letter: string;
  readonly data: Buffer;
}

/** Longer frames are none: libmilter's own bound is 1 MiB with every extension. */
export const MAX_FRAME = 1024 * 1024;
const NOTHING = Buffer.alloc(0);

export class FrameReader {
  #pieces: Buffer[] = [];
  #size = 0;
  /** What is needed before there is anything to do. */
  #needed = 4;

  /** The frames that are complete now. Throws Nonsense; there is nothing to be read after that. */
  receive(bytes: Buffer): readonly Frame[] {
    this.#pieces.push(bytes);
    this.#size += bytes.length;
    if (this.#size < this.#needed) return [];
    const all = this.#pieces.length === 1 ? bytes : Buffer.concat(this.#pieces);
    const frames: Frame[] = [];
    let at = 0;
    this.#needed = 4;
    while (all.length - at >= 4) {
      const length = all.readUInt32BE(at);
      if (length === 0 || length > MAX_FRAME) throw new Nonsense(`a frame of ${length} octets`);
      if (all.length - at < 4 + length) {
        this.#needed = 4 + length;
        break;
      }
      frames.push({
        letter: all.toString('latin1', at + 4, at + 5),
        data: all.subarray(at + 5, at + 4 + length),
      });
      at += 4 + length;
    }
    const rest = at === all.length ? NOTHING : Buffer.from(all.subarray(at));
    this.#pieces = rest.length === 0 ? [] : [rest];
    this.#size = rest.length;
    return frames;
  }
}
