// check-limits keeps the contract of the plugins.

import { pluginContract } from '@posthouse/core/testing';
import checkLimits from '../src/index.ts';

pluginContract(() => checkLimits({ limits: [{ count: 'messages', by: 'address', most: 5, per: 60_000 }] }));
