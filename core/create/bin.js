#!/usr/bin/env node
// npm create posthouse: what `posthouse new` does, for those who have not installed Posthouse yet.

import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const core = createRequire(import.meta.url).resolve('@posthouse/core/package.json');
process.argv.splice(2, 0, 'new');
await import(pathToFileURL(join(dirname(core), 'bin/posthouse.js')).href);
