// route-aliases keeps the contract of the plugins.

import { pluginContract } from '@posthouse/core/testing';
import routeAliases from '../src/index.ts';

pluginContract(() =>
  routeAliases({ domains: ['house.example'], aliases: { ann: ['ann@elsewhere.example'] } }),
);
