// The logger of a receiving worker: its lines are written by the main thread, whole and in their order.

import type { Logger } from '../../contract/index.ts';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
type Level = (typeof LEVELS)[number];

export interface ReportedLog {
  readonly level: Level;
  readonly fields: object;
  readonly text: string | undefined;
}

/** @param level the least important lines that are written; below it nothing leaves the thread */
export function remoteLogger(level: string, tell: (line: ReportedLog) => void): Logger {
  const least = LEVELS.indexOf(level as Level);
  // `trace` is below all of them, `silent` above.
  const from = least === -1 ? (level === 'silent' ? LEVELS.length : 0) : least;
  const loggerWith = (bound: object): Logger => {
    const at = (index: number) => {
      const own = LEVELS[index] as Level;
      return index < from
        ? () => {}
        : (fields: object, text?: string) => tell({ level: own, fields: { ...bound, ...fields }, text });
    };
    return {
      level,
      debug: at(0),
      info: at(1),
      warn: at(2),
      error: at(3),
      child: (fields) => loggerWith({ ...bound, ...fields }),
    };
  };
  return loggerWith({});
}
