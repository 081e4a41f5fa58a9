// check-sender-domain keeps the contract of the plugins.

import { pluginContract } from '@posthouse/core/testing';
import checkSenderDomain from '../src/index.ts';

pluginContract(() => checkSenderDomain());
