// counter-redis keeps the contract of the plugins.

import { pluginContract } from '@posthouse/core/testing';
import counterRedis from '../src/index.ts';

pluginContract(() => counterRedis({ url: 'unix:///nowhere/redis.sock' }));
