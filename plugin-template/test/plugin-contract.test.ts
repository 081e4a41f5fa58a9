// check-example keeps the contract of the plugins.

import { pluginContract } from '@posthouse/core/testing';
import checkExample from '../src/index.ts';

pluginContract(() => checkExample({ refused: ['elsewhere.example'] }));
