// deliver-http keeps the contract of the plugins.

import { pluginContract } from '@posthouse/core/testing';
import deliverHttp from '../src/index.ts';

pluginContract(() => deliverHttp({ domains: ['house.example'], url: 'http://127.0.0.1:9/' }));
