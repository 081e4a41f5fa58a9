// check-auth keeps the contract of the plugins.

import { pluginContract } from '@posthouse/core/testing';
import checkAuth from '../src/index.ts';

pluginContract(() => checkAuth());
