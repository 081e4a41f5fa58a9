// deliver-smtp keeps the contract of the plugins.

import { pluginContract } from '@posthouse/core/testing';
import deliverSmtp from '../src/index.ts';

pluginContract(() => deliverSmtp());
