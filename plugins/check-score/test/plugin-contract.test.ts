// check-score keeps the contract of the plugins.

import { pluginContract } from '@posthouse/core/testing';
import checkScore from '../src/index.ts';

pluginContract(() => checkScore());
