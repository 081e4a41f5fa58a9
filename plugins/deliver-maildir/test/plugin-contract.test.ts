// deliver-maildir keeps the contract of the plugins.

import { pluginContract } from '@posthouse/core/testing';
import deliverMaildir from '../src/index.ts';

pluginContract(() => deliverMaildir({ domains: ['house.example'], path: '/nowhere/{domain}/{local}' }));
