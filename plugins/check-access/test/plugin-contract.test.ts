// check-access keeps the contract of the plugins.

import { pluginContract } from '@posthouse/core/testing';
import checkAccess from '../src/index.ts';

pluginContract(() => checkAccess({ rules: [{ of: 'sender', entries: ['elsewhere.example', '<>'] }] }));
