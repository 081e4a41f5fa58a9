// check-milter keeps the contract of the plugins.

import { pluginContract } from '@posthouse/core/testing';
import checkMilter from '../src/index.ts';

pluginContract(() => checkMilter({ milters: [{ at: '/nowhere/milter.sock' }] }));
