// accept-networks keeps the contract of the plugins.

import { pluginContract } from '@posthouse/core/testing';
import acceptNetworks from '../src/index.ts';

pluginContract(() => acceptNetworks({ networks: ['127.0.0.0/8', '2001:db8::/32'] }));
