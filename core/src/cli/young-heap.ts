// A bound on what Node keeps of a server's short-lived values before it collects them. By itself that grows to 128 MiB;
// with 32 MiB the processor time for a message is the same. V8 hears of a bound only at its start, so the process begins
// anew with it, under the same id and with the same arguments and streams.

/** MiB of one of the two halves. */
const HALF = 16;
const OPTION = '--max-semi-space-size';

/** Does not return where the process begins anew. For `posthouse start`, before anything else is loaded. */
export function boundYoungHeap(): void {
  const options = boundedOptions(process.execArgv, process.env['NODE_OPTIONS'] ?? '');
  // Windows cannot; and a parent's channel would not come along.
  if (options === undefined || process.execve === undefined || process.connected) return;
  process.execve(process.execPath, [process.execPath, ...options, ...process.argv.slice(1)], process.env);
}

/** Node's options with the bound; undefined where there is one, ours or the operator's. */
export function boundedOptions(given: readonly string[], nodeOptions: string): readonly string[] | undefined {
  const said = [...given, ...nodeOptions.split(/[\s"]+/)].map((option) => option.replaceAll('_', '-'));
  if (said.some((option) => option === OPTION || option.startsWith(`${OPTION}=`))) return undefined;
  return [...given, `${OPTION}=${HALF}`];
}
