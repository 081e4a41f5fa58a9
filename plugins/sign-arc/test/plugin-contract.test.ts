// sign-arc keeps the contract of the plugins.

import { generateKeyPairSync } from 'node:crypto';
import { pluginContract } from '@posthouse/core/testing';
import signArc from '../src/index.ts';

const key = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

pluginContract(() => signArc({ domain: 'house.example', selector: 's', key }));
