// sign-dkim keeps the contract of the plugins.

import { pluginContract } from '@posthouse/core/testing';
import signDkim from '../src/index.ts';
import { ed25519Key } from './keys.ts';

pluginContract(() =>
  signDkim({ keys: [{ domain: 'house.example', selector: 'a', key: ed25519Key, subdomains: false }] }),
);
