// auth-file keeps the contract of the plugins.

import { pluginContract } from '@posthouse/core/testing';
import authFile from '../src/index.ts';

pluginContract(() => authFile({ path: '/nowhere/users' }));
