// A logger that keeps its lines for the test to read.

import type { Logger } from '../contract/index.ts';

export interface LoggedLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface RecordingLogger extends Logger {
  /** What this logger and its children were told. */
  readonly lines: readonly LoggedLine[];
}

export function recordingLogger(level = 'debug'): RecordingLogger {
  return child([], {}, level);
}

function child(lines: LoggedLine[], bindings: object, level: string): RecordingLogger {
  const write = (loudness: LoggedLine['level']) => (fields: object, text?: string) => {
    lines.push({ level: loudness, text: text ?? '', fields: { ...bindings, ...fields } });
  };
  return {
    level,
    lines,
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => child(lines, { ...bindings, ...fields }, level),
  };
}
