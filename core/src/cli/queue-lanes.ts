// posthouse queue suspend and resume: mail for a destination waits in the queue until an operator lets it go.

import type { Lane } from '../contract/index.ts';
import { visible } from './columns.ts';
import { FAILED, type Given, OK, type Shell, UsageError } from './command.ts';
import { ask } from './control-client.ts';

export const LANE_ACTS = ['suspend', 'resume'] as const;
export type LaneAct = (typeof LANE_ACTS)[number];

export async function changeLanes(
  act: LaneAct,
  socket: string,
  destinations: readonly string[],
  { options }: Given,
  shell: Shell,
): Promise<number> {
  const { transport } = options;
  let code = OK;
  const changed: Lane[] = [];
  for (const destination of destinations) {
    const body = { destination, ...(typeof transport === 'string' && { transport }) };
    const { lanes } = (await ask(socket, 'POST', `/lanes/${act}`, body)) as {
      readonly lanes: readonly Lane[];
    };
    changed.push(...lanes);
    const by = lanes.map((lane) => lane.transport ?? '').join(', ');
    if (lanes.length === 0) {
      code = FAILED;
      shell.say(
        `${visible(destination)}: ${act === 'suspend' ? 'no plugin of that name carries mail' : 'is not suspended'}\n`,
      );
    } else if (!options.json)
      shell.out(`${visible(`${destination}: ${act}${act === 'resume' ? 'd' : 'ed'} (${by})`)}\n`);
  }
  if (options.json) shell.out(`${JSON.stringify({ lanes: changed }, null, 2)}\n`);
  return code;
}

/** Asked before the server is. */
export function checkLanes(act: LaneAct, destinations: readonly string[], { options }: Given): void {
  if (destinations.length === 0)
    throw new UsageError(`posthouse queue ${act} takes destinations as posthouse queue summary shows them`);
  const given = Object.keys(options).filter(
    (name) => !['config', 'socket', 'transport', 'json'].includes(name),
  );
  if (given.length > 0) throw new UsageError(`posthouse queue ${act} does not take --${given[0]}`);
}
