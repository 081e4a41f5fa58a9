// check-clamd keeps the contract of the plugins.

import { pluginContract } from '@posthouse/core/testing';
import checkClamd from '../src/index.ts';

pluginContract(() => checkClamd({ servers: ['/nowhere/clamd.ctl'] }));
