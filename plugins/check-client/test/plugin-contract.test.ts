// check-client keeps the contract of the plugins.

import { pluginContract } from '@posthouse/core/testing';
import checkClient from '../src/index.ts';

pluginContract(() => checkClient({ noReverseName: 'defer', unknownHelo: 2 }));
