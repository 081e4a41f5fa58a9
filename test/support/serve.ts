// Starts a server from a configuration file, without the command line.

const core = new URL('../../../core/dist/src/server/', import.meta.url);
const { createServer } = await import(new URL('server.js', core).href);
const { loadConfiguration } = await import(new URL('configuration/index.js', core).href);
const server = createServer(await loadConfiguration(process.argv[2] as string));
await server.start();
process.once('SIGTERM', () => void server.stop().then(() => process.exit(0)));

export {};
