// check-recipients keeps the contract of the plugins.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { pluginContract } from '@posthouse/core/testing';
import checkRecipientsPlugin from '../src/index.ts';

/** As people write it: what is left out has its default. */
const checkRecipients = (config: object) =>
  checkRecipientsPlugin(config as Parameters<typeof checkRecipientsPlugin>[0]);

const folder = mkdtempSync(join(tmpdir(), 'check-recipients-'));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'mailboxes');
writeFileSync(path, 'ann@house.example\n');

pluginContract(() => checkRecipients({ domains: ['house.example'], file: { path } }));
