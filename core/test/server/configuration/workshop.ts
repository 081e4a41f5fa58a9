// A folder for one test: files are written into it, and it is gone with the test.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';

export interface Workshop {
  readonly folder: string;
  /** @returns the absolute path. */
  write(name: string, text: string): string;
}

export function workshop(context: TestContext): Workshop {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'posthouse-')));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return {
    folder,
    write(name, text) {
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      return path;
    },
  };
}

/** The source of a module whose default export is a plugin, made without the core. */
export function pluginModule(name: string, config?: object, body = '{}'): string {
  return `export default Object.assign(() => {}, { plugin: { name: '${name}', config: ${JSON.stringify(config)}, setup: (tools) => (${body}) } });\n`;
}
