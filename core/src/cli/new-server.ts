// The files of a new server: a durable queue, one domain, Maildirs. No build, no code.

import { basename } from 'node:path';
import type { Files } from './new-folder.ts';

export interface NewServer {
  readonly folder: string;
  /** The version of the core; the plugins have the same. */
  readonly core: string;
}

const PLUGINS = ['accept-domains', 'deliver-maildir', 'store-sqlite'];

export function serverFiles({ folder, core }: NewServer): Files {
  const packages = ['core', ...PLUGINS].sort().map((name) => [`@posthouse/${name}`, `^${core}`]);
  const manifest = {
    name: packageName(folder),
    private: true,
    type: 'module',
    engines: { node: '>=24.15' },
    scripts: {
      prestart: 'npm run --silent schema',
      start: 'posthouse start',
      predev: 'npm run --silent schema',
      dev: 'posthouse start --watch',
      check: 'posthouse check',
      schema: 'posthouse schema --out posthouse.schema.json',
    },
    dependencies: Object.fromEntries(packages),
  };
  return new Map([
    ['package.json', `${JSON.stringify(manifest, null, 2)}\n`],
    ['posthouse.yaml', CONFIGURATION],
    ['.gitignore', 'node_modules/\nvar/\nposthouse.schema.json\n'],
    ['README.md', readme(basename(folder))],
  ]);
}

/** The folder's name as npm takes it. */
function packageName(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
  return name === '' ? 'mail-server' : name;
}

const CONFIGURATION = `# yaml-language-server: $schema=./posthouse.schema.json
# Mail for one domain, into Maildirs. Everybody in the domain has a mailbox; anything else is refused.
hostname: mail.example.org
listeners:
  - { name: mx, host: 127.0.0.1, port: 2525 }
plugins:
  - use: "@posthouse/store-sqlite"
    config: { path: ./var/queue }
  - use: "@posthouse/accept-domains"
    config: { domains: [example.org] }
  - use: "@posthouse/deliver-maildir"
    config: { domains: [example.org], path: "./var/mail/{domain}/{local}" }
`;

function readme(name: string): string {
  return `# ${name}

A Posthouse server. posthouse.yaml is all that it is.

- \`npm install\`, then \`npm start\`: it listens on 127.0.0.1:2525 and prints a command that sends a first mail. The mail
  lies in \`var/mail/example.org/postmaster/new/\`.
- \`npm run dev\` is a start for whoever writes a plugin: what is saved, of it or of posthouse.yaml, is in force at once.
- \`npm run check\` names every mistake of posthouse.yaml with its line and column.
- \`npm run schema\` writes posthouse.schema.json, by which an editor completes and explains posthouse.yaml. A start does
  it, too: after a plugin was installed its configuration is known.
- \`npx posthouse reload\` takes over a changed posthouse.yaml while the server runs; \`npx posthouse help\` has the rest.

Before the world may send mail here: the host's own name in \`hostname\`, your domain instead of example.org, and
\`host: 0.0.0.0, port: 25\`. A plugin is installed with npm and named in \`plugins\`; to write one, see
\`npx posthouse help new\`.
`;
}
