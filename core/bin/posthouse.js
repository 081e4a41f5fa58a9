#!/usr/bin/env node
// The command `posthouse`. It stands outside of dist/, so that npm can link it before anything is built.

try {
  await import('../dist/src/cli/main.js');
} catch (error) {
  if (error?.code !== 'ERR_MODULE_NOT_FOUND' || !String(error.message).includes('cli/main.js')) throw error;
  console.error('posthouse is not built yet: run `npm run build` in the repository first.');
  process.exitCode = 1;
}
