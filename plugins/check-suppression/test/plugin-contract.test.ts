// check-suppression keeps the contract of the plugins.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { pluginContract } from '@posthouse/core/testing';
import checkSuppression from '../src/index.ts';

const FOLDER = mkdtempSync(join(tmpdir(), 'posthouse-contract-'));
after(() => rmSync(FOLDER, { recursive: true }));

pluginContract(() => checkSuppression({ path: join(FOLDER, 'list') }));
