// route-srs keeps the contract of the plugins.

import { pluginContract } from '@posthouse/core/testing';
import routeSrs from '../src/index.ts';

pluginContract(() => routeSrs({ domain: 'house.example', secrets: ['a secret of the tests'] }));
