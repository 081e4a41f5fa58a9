// The clock on the wall. Its timers never keep the process alive by themselves.

import type { Clock, Timer } from '../../contract/index.ts';

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (milliseconds, then) => timer(setTimeout(then, milliseconds)),
  every: (milliseconds, then) => timer(setInterval(then, milliseconds)),
};

function timer(handle: NodeJS.Timeout): Timer {
  handle.unref();
  return {
    stop: () => clearTimeout(handle),
    restart: () => {
      handle.refresh();
    },
  };
}
