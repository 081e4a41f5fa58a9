// What every plugin promises, as tests.

import { pluginContract } from '@posthouse/core/testing';
import plugin from '../src/index.ts';

pluginContract(() => plugin({ refused: ['elsewhere.example'] }));
