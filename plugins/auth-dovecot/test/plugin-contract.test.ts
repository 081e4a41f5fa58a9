// auth-dovecot keeps the contract of the plugins.

import { pluginContract } from '@posthouse/core/testing';
import authDovecot from '../src/index.ts';

pluginContract(() => authDovecot({ socket: '/nowhere/auth' }));
