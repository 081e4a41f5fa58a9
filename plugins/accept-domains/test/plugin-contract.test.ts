// accept-domains keeps the contract of the plugins.

import { pluginContract } from '@posthouse/core/testing';
import acceptDomains from '../src/index.ts';

pluginContract(() => acceptDomains({ domains: ['house.example'] }));
