// auth-http keeps the contract of the plugins.

import { pluginContract } from '@posthouse/core/testing';
import authHttp from '../src/index.ts';

pluginContract(() => authHttp({ url: 'http://127.0.0.1:9/' }));
