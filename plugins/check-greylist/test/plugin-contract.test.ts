// check-greylist keeps the contract of the plugins.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { pluginContract } from '@posthouse/core/testing';
import checkGreylist from '../src/index.ts';

const FOLDER = mkdtempSync(join(tmpdir(), 'posthouse-contract-'));
after(() => rmSync(FOLDER, { recursive: true }));
let databases = 0;

// Each has a memory of its own: what one has heard of is not new to another.
pluginContract(() => checkGreylist({ path: join(FOLDER, `greylist-${databases++}.db`) }));
