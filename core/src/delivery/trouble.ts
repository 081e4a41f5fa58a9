// What was thrown, in words for the log. Anything can be thrown, also what has no words.

export function wordsOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? String(thrown.message) : String(thrown);
  } catch {
    return 'something that cannot be put into words';
  }
}
