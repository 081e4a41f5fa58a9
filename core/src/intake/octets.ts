// The octets of a message without its first ones (the header section).

export async function* skip(content: AsyncIterable<Uint8Array>, octets: number): AsyncIterable<Uint8Array> {
  let left = octets;
  for await (const bytes of content) {
    if (left >= bytes.length) left -= bytes.length;
    else {
      yield left === 0 ? bytes : bytes.subarray(left);
      left = 0;
    }
  }
}

/** The same of chunks that are in memory; they share their octets. */
export function skipped(chunks: readonly Uint8Array[], octets: number): readonly Uint8Array[] {
  const kept: Uint8Array[] = [];
  let left = octets;
  for (const bytes of chunks) {
    if (left < bytes.length) kept.push(left === 0 ? bytes : bytes.subarray(left));
    left = Math.max(0, left - bytes.length);
  }
  return kept;
}
