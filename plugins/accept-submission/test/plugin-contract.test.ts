// accept-submission keeps the contract of the plugins.

import { pluginContract } from '@posthouse/core/testing';
import acceptSubmission from '../src/index.ts';

pluginContract(() => acceptSubmission({ senders: ['{user}@house.example'] }));
