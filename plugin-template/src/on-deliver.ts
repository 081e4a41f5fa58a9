// deliver-example: carries mail for one domain into a folder, each message as a file.
// Not for: use. It shows a plugin that answers the queue: on-deliver.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { definePlugin, FilePath, Outcome, Type } from '@posthouse/core';

export default definePlugin({
  name: 'deliver-example',
  config: Type.Object(
    {
      domain: Type.String({ description: 'Whose mail is carried.' }),
      folder: FilePath({ default: '.', description: 'Where the files go; the folder has to be there.' }),
    },
    { additionalProperties: false },
  ),
  setup({ config }) {
    const domain = config.domain.toLowerCase();
    return {
      hooks: {
        'on-deliver': {
          // The first plugin that claims a recipient carries it; what is claimed alike travels together.
          claim: (recipient) => (recipient.domain === domain ? domain : undefined),
          async deliver({ id, message, signal }) {
            // The same item may come again after a crash: the same name, and the file is written anew.
            await writeFile(join(config.folder, `${id}.eml`), message.open(), { signal });
            return Outcome.delivered();
          },
        },
      },
    };
  },
});
