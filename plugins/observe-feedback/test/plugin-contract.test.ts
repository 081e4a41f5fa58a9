// observe-feedback keeps the contract of the plugins.

import { pluginContract } from '@posthouse/core/testing';
import observeFeedback from '../src/index.ts';

pluginContract(() => observeFeedback({ addresses: ['bounces@house.example'] }));
