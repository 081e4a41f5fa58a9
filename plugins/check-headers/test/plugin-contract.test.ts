// check-headers keeps the contract of the plugins.

import { pluginContract } from '@posthouse/core/testing';
import checkHeaders from '../src/index.ts';

pluginContract(() => checkHeaders());
