// report-tls keeps the contract of the plugins.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { pluginContract } from '@posthouse/core/testing';
import reportTls from '../src/index.ts';

const path = mkdtempSync(join(tmpdir(), 'posthouse-contract-'));
after(() => rmSync(path, { recursive: true }));

pluginContract(() => reportTls({ path, organization: 'House', from: 'postmaster@house.example' }));
