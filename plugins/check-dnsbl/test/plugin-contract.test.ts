// check-dnsbl keeps the contract of the plugins.

import { pluginContract } from '@posthouse/core/testing';
import checkDnsbl from '../src/index.ts';

pluginContract(() => checkDnsbl({ zones: ['bl.example'] }));
