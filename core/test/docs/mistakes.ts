// The mistakes that authors of plugins make most, what the compiler says to each, and the page that shows both.

import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './documented-blocks.ts';

export interface Mistake {
  /** What is wrong, in a few words. */
  readonly what: string;
  readonly code: string;
  /** What to write instead. */
  readonly instead: string;
}

const hooks = (text: string): string =>
  `definePlugin({ name: 'check-x', setup: () => ({ hooks: { ${text} } }) });`;
const zones = (setup: string): string =>
  `definePlugin({ name: 'check-x', config: Type.Object({ zones: Type.Array(Type.String()) }), ${setup} })`;

export const MISTAKES: readonly Mistake[] = [
  {
    what: 'A rejection with a transient status',
    code: "Verdict.reject('4.7.1', 'Not now');",
    instead: '`reject` is for good, 5.x.x; `defer` is "try again later", 4.x.x.',
  },
  {
    what: 'A deferral with a permanent status',
    code: "Verdict.defer('5.7.1', 'Later');",
    instead: 'As above: the first digit of the status and the name of the verdict say the same.',
  },
  {
    what: 'A reply code where a status belongs',
    code: "Verdict.reject('550', 'No');",
    instead:
      "An enhanced status (RFC 3463): `'5.7.1'`. The reply code follows from it; `{ code: 552 }` sets another.",
  },
  {
    what: 'A rejection without a word to the client',
    code: "Verdict.reject('5.7.1');",
    instead: 'A text for the person who will read the bounce.',
  },
  {
    what: 'A discard without a reason',
    code: 'Verdict.discard();',
    instead: 'A reason for the log: what vanishes leaves a line.',
  },
  {
    what: 'An answer that the hook does not have',
    code: hooks("'on-connect': () => Verdict.discard('x')"),
    instead: 'The last lines name the answers that the hook has; its page in hooks/ says why.',
  },
  {
    what: 'The same in an async handler',
    code: hooks("'on-mail-from': async () => Verdict.quarantine('x')"),
    instead: 'There is no message to keep yet: answer in on-data.',
  },
  {
    what: 'A hook that does not exist',
    code: hooks("'on-helo': () => undefined"),
    instead: 'There are five. What HELO said is in `session.helo` from on-mail-from on.',
  },
  {
    what: 'A misspelt part of the plugin',
    code: "definePlugin({ name: 'check-x', setup: () => ({ hook: {} }) });",
    instead: '`hooks`, `observe`, `services`, `describe`, `start`, `stop`, `reload`.',
  },
  {
    what: 'true instead of a verdict',
    code: hooks("'on-rcpt': () => true"),
    instead: '`Verdict.accept()`; and nothing at all for "no opinion".',
  },
  {
    what: 'null for "no opinion"',
    code: hooks("'on-rcpt': () => null"),
    instead: '`return;`, or `undefined`.',
  },
  {
    what: 'An outcome where a verdict belongs',
    code: hooks("'on-data': () => Outcome.delivered()"),
    instead: 'A verdict answers the client, an outcome the queue: only on-deliver has outcomes.',
  },
  {
    what: 'A transport that claims nothing',
    code: hooks("'on-deliver': { deliver: () => Outcome.delivered() }"),
    instead: '`claim` says for which recipients `deliver` is asked.',
  },
  {
    what: 'Something that is not known yet',
    code: hooks("'on-mail-from': (asked) => { asked.recipient; }"),
    instead: 'Recipients come after MAIL: ask in on-rcpt, one by one, or in on-data, all of them.',
  },
  {
    what: 'The null sender forgotten',
    code: hooks("'on-mail-from': ({ sender }) => { sender.domain; }"),
    instead: 'Bounces have the sender `<>`, which is `null`: `if (sender === null) return;`.',
  },
  {
    what: 'A view written to',
    code: hooks("'on-connect': ({ session }) => { session.user = 'root'; }"),
    instead: 'Views are read-only. `notes` are for what plugins tell each other.',
  },
  {
    what: 'An event that does not exist',
    code: "definePlugin({ name: 'observe-x', setup: () => ({ observe: { 'message-read': () => {} } }) });",
    instead: 'The events are in contract/events.ts; they are in the past tense.',
  },
  {
    what: 'A promised service that is missing',
    code: "definePlugin({ name: 'auth-x', provides: { authenticator: Authenticator }, setup: () => ({}) });",
    instead: '`services: { authenticator: … }` in what `setup` returns.',
  },
  {
    what: 'A service that was not asked for',
    code: "definePlugin({ name: 'check-x', setup: ({ resolver }) => ({ start: () => resolver }) });",
    instead: '`needs: { resolver: Resolver }`.',
  },
  {
    what: 'A service asked for by a word',
    code: "definePlugin({ name: 'check-x', needs: { resolver: 'Resolver' }, setup: () => ({}) });",
    instead: 'The token itself, which has the name of the interface: `Resolver` of @posthouse/core.',
  },
  {
    what: 'An async setup',
    code: "definePlugin({ name: 'check-x', setup: async () => ({ hooks: {} }) });",
    instead: '`setup` wires and touches nothing; `start` may be async.',
  },
  {
    what: 'A misspelt key of the own configuration',
    code: `${zones('setup({ config }) { config.zone; return {}; }')};`,
    instead: 'The schema is the type of `config`.',
  },
  {
    what: 'A wrong value for a plugin',
    code: `${zones('setup: () => ({})')}({ zones: 'a.example' });`,
    instead: 'What the schema says, in a definition in TypeScript as in YAML.',
  },
  {
    what: 'A misspelt key for a plugin',
    code: `${zones('setup: () => ({})')}({ zoness: [] });`,
    instead: 'As above.',
  },
  {
    what: 'A place in the order that does not exist',
    code: hooks("'on-rcpt': { order: 'first', handler: () => undefined }"),
    instead: "`'early'` or `'late'`; otherwise the plugin list is the order.",
  },
  {
    what: 'A note without the name of its plugin',
    code: "note<string>('result');",
    instead: "`note<string>('check-x/result')`.",
  },
  {
    what: 'A redirection to text',
    code: "Outcome.redirected(['a@b.example']);",
    instead: "`mailbox('a@b.example')`, or `parseMailbox` for what comes from outside.",
  },
];

const COMPILER = {
  extends: join(ROOT, 'tsconfig.json'),
  compilerOptions: { noEmit: true, composite: false, declarationMap: false, sourceMap: false },
  include: ['*.ts'],
  references: [],
};
const NAMES = 'Authenticator, definePlugin, note, Outcome, Type, Verdict';

/** What the compiler says to each mistake: all lines of its one error, with the indentation that shows their depth. */
export function compilerSays(): readonly string[] {
  const folder = join(ROOT, 'core/dist/mistakes');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(COMPILER));
  for (const [index, { code }] of MISTAKES.entries())
    writeFileSync(
      join(folder, `m${index}.ts`),
      `import { ${NAMES} } from '@posthouse/core';\n${code}\nvoid [${NAMES}];\n`,
    );
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], {
    encoding: 'utf8',
  });
  const errors = stdout.split(/^(?=\S+?m\d+\.ts\()/m);
  return MISTAKES.map((_, index) => {
    const found = errors.filter((error) => new RegExp(`^\\S*\\bm${index}\\.ts\\(`).test(error));
    return found.map((error) => error.replace(/^.*? error TS\d+: /, '').trimEnd()).join('\n');
  });
}

/** How much of a long message is shown: what comes deeper repeats it in longer words. */
const SHOWN = 3;

export function mistakesPage(said: readonly string[]): string {
  const sections = MISTAKES.map(({ what, code, instead }, index) => {
    const lines = (said[index] ?? '').split('\n');
    const shown = lines.slice(0, SHOWN).join('\n');
    return `## ${what}\n\n\`\`\`ts no-compile\n${code}\n\`\`\`\n\n\`\`\`\n${shown}\n\`\`\`\n\n${instead}\n`;
  });
  return `# What the compiler says

<!-- Written by \`npm run docs\` from core/test/docs/mistakes.ts and from what the compiler says. -->

The mistakes that authors of plugins make most do not compile. Each stands here with the first lines of the compiler's
message and what to write instead; a test compiles them all. A plugin in JavaScript has the same from an editor that
checks it (\`npm run check\` in a plugin that \`posthouse new\` made), and otherwise from the server: there a wrong answer is
451 and a line in the log that names the plugin.

${sections.join('\n')}`;
}
