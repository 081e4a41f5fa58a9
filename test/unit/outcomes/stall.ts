// Hops that are silent for long, and the clock that goes on meanwhile.

import type { Scene } from './stage.ts';

/** From the moment when a hop falls silent until a time-out is over. */
export function stallFor(minutes: number): (scene: Scene) => Promise<void> {
  return async ({ hops, pass, until }) => {
    const sessions = () => Object.values(hops).flatMap((hop) => hop.sessions);
    await until(() => sessions().some(({ silent }) => silent));
    await pass(minutes * 60_000 + 2000);
  };
}

export const stall = stallFor(5);

/** The first hop says at last what it has kept back. */
export function says(reply: string, minutes: number): (scene: Scene) => Promise<void> {
  return async ({ hops, pass, until }) => {
    await until(() => hops.mx1?.sessions[0]?.silent === true);
    await pass(minutes * 60_000);
    hops.mx1?.say(`${reply}\r\n`);
  };
}
