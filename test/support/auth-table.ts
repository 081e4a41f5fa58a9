// An Authenticator for tests with real programs: passwords and bearer tokens, as they stand in the configuration.

import { Authenticator, definePlugin, Type } from '@posthouse/core';
import { authMemory } from '@posthouse/core/testing';

export default definePlugin({
  name: 'auth-table',
  config: Type.Object(
    {
      users: Type.Record(Type.String(), Type.String(), { description: 'Passwords by user.' }),
      tokens: Type.Record(Type.String(), Type.String(), { description: 'Users by bearer token.' }),
    },
    { additionalProperties: false },
  ),
  provides: { authenticator: Authenticator },
  setup({ config }) {
    const { services } = authMemory(config).plugin.setup({});
    return { services: { authenticator: services?.authenticator as Authenticator } };
  },
});
