// check-rspamd keeps the contract of the plugins.

import { pluginContract } from '@posthouse/core/testing';
import checkRspamd from '../src/index.ts';

pluginContract(() => checkRspamd({ url: 'unix:/nowhere/rspamd.sock' }));
