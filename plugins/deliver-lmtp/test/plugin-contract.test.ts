// deliver-lmtp keeps the contract of the plugins.

import { pluginContract } from '@posthouse/core/testing';
import deliverLmtp from '../src/index.ts';

pluginContract(() => deliverLmtp({ domains: ['house.example'], socket: '/nowhere/lmtp' }));
