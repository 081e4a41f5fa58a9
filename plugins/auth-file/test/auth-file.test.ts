import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Authenticator } from '@posthouse/core';
import { fakeClock, mount, openHouse } from '@posthouse/core/testing';
import authFile, { deleteUser, setPassword, verifyPassword } from '../src/index.ts';
import { parsePasswordFile } from '../src/password-file.ts';

const folder = await mkdtemp(join(tmpdir(), 'posthouse-auth-file-'));
after(() => rm(folder, { recursive: true }));
let files = 0;

async function fileWith(text: string): Promise<string> {
  const path = join(folder, `users-${files++}`);
  await writeFile(path, text, { mode: 0o600 });
  return path;
}

/** The password `pencil`, as other programs have hashed it. */
const PENCIL = {
  'apr1 (htpasswd)': '$apr1$saltsalt$LR9wPsIAcuy46wmT2IkL./',
  'sha512-crypt':
    '$6$saltsalt$rD9fW1BwIrjB90WCgCTdIQc3phTBhf04I6Iw/XlgKD9E9aEbzqGZipjiFxGo/4wWXDA6jV6/vZO.kKdDSfUJb0',
  'sha256-crypt': '$5$saltsalt$hl9BvcGsj7AkON13nbqeQHDgRpHyFxt7WDzLoS.OCQ/',
  'bcrypt (htpasswd -B)': '$2y$05$abcdefghijklmnopqrstuu680Yiaj5hFUaJTH/rTAcbA2PQEGfiZu',
  'SCRAM-SHA-256 (doveadm pw), RFC 7677 §3':
    '{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
};

async function ask(path: string, user: string, password: string): Promise<unknown> {
  await using plugin = await mount(authFile({ path }));
  const { authenticator } = plugin.services as { authenticator: Authenticator };
  return await authenticator.verifyPassword?.({
    user,
    password,
    signal: new AbortController().signal,
  } as never);
}

for (const [what, hash] of Object.entries(PENCIL)) {
  test(`a password hashed with ${what} is known`, async () => {
    const path = await fileWith(`ann:${hash}\n`);
    assert.deepEqual(await ask(path, 'ann', 'pencil'), { user: 'ann' });
    assert.deepEqual(await ask(path, 'ann', 'Pencil'), { refused: 'wrong-password' });
    assert.equal(await ask(path, 'bob', 'pencil'), undefined);
  });
}

test('posthouse passwd adds, changes, tries and removes a user, and leaves the other lines as they are', async () => {
  const path = await fileWith(`# people\nbob:${PENCIL['apr1 (htpasswd)']}:other:fields\n\n`);
  assert.equal(await setPassword(path, 'ann', 'first'), 'added');
  assert.equal(await setPassword(path, 'ann', 'second'), 'changed');
  assert.equal(await setPassword(path, 'bob', 'chalk', 'scram-sha-256'), 'changed');
  assert.equal(await verifyPassword(path, 'ann', 'second'), true);
  assert.equal(await verifyPassword(path, 'ann', 'first'), false);
  assert.equal(await verifyPassword(path, 'bob', 'chalk'), true);
  assert.equal(await verifyPassword(path, 'eve', 'x'), undefined);
  assert.match(
    await readFile(path, 'utf8'),
    /^# people\nbob:\{SCRAM-SHA-256\}100000,[^:]+:other:fields\n\nann:\$scrypt\$ln=15,r=8,p=1\$[^:]+\n$/,
  );
  assert.equal(await deleteUser(path, 'bob'), true);
  assert.equal(await deleteUser(path, 'bob'), false);
  assert.match(await readFile(path, 'utf8'), /^# people\n\nann:/);
});

test('a new file is for its owner alone, and a change makes an old one so', async () => {
  const path = join(folder, 'new');
  await setPassword(path, 'ann', 'pencil');
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  const open = join(folder, 'open');
  await writeFile(open, '', { mode: 0o644 });
  await setPassword(open, 'ann', 'pencil');
  assert.equal((await stat(open)).mode & 0o777, 0o600);
});

test('two changes at a time lose no line: the second is told', async () => {
  const path = await fileWith('');
  await writeFile(`${path}.new`, '');
  await assert.rejects(setPassword(path, 'ann', 'pencil'), /is being changed by somebody else/);
  assert.equal(await readFile(path, 'utf8'), '');
});

test('users and passwords that could not be read back are not written', async () => {
  const path = join(folder, 'never');
  for (const user of ['', 'a:b', 'a\nb', '#a', ' a', 'x'.repeat(256)])
    await assert.rejects(setPassword(path, user, 'pencil'), JSON.stringify(user));
  await assert.rejects(setPassword(path, 'ann', ''), /empty/);
  await assert.rejects(setPassword(path, 'ann', 'pencil', 'md5'), /scrypt or scram-sha-256, not md5/);
  await assert.rejects(stat(path), { code: 'ENOENT' });
});

test('one password typed in two ways of Unicode is one password (RFC 4013)', async () => {
  const path = join(folder, 'unicode');
  await setPassword(path, 'ann', 'gru\u0308n');
  assert.equal(await verifyPassword(path, 'ann', 'gr\u00fcn'), true);
});

test('what is wrong with a file is told with its line, and without the hash', () => {
  const { problems } = parsePasswordFile(
    [
      'ann:{SCRAM-SHA-256}100,AAAA,AAAA,AAAA',
      'bob',
      ':x',
      'carol:secret',
      `carol:${PENCIL['apr1 (htpasswd)']}`,
      'dan:{PLAIN}secret',
      `eve:$2y$31$${'x'.repeat(53)}`,
      'fay:$scrypt$ln=30,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAAAAAAAA',
      `gus:$6$rounds=99999999$salt$${'x'.repeat(86)}`,
      'hal:',
    ].join('\n'),
  );
  assert.deepEqual(
    problems.map((problem) => problem.replace(/; known are .*/, '')),
    [
      '1: user ann has SCRAM-SHA-256 with 100 iterations; 4096 to 10000000 are possible',
      '2: no colon between user and password',
      '3: no user before the colon',
      '4: user carol has a password that is not hashed, or in a way that is not known',
      '5: user carol stands there twice, first in line 4',
      '6: user dan has an unknown or damaged hash {PLAIN}',
      '7: user eve has bcrypt with the cost 31; 4 to 16 are possible',
      '8: user fay has scrypt with parameters that are too small or too large',
      '9: user gus has 99999999 rounds; at most 1000000 are possible',
      '10: user hal has no password',
    ],
  );
});

test('a faulty file ends the start, with its lines', async () => {
  const path = await fileWith('ann:secret\n');
  await assert.rejects(
    mount(authFile({ path })),
    new RegExp(`${path}:1: user ann has a password that is not hashed`),
  );
});

test('a file that is not there yet has no users, is named in the log, and counts once it is made, folder and all', async () => {
  const path = join(folder, 'not-yet', 'users');
  const clock = fakeClock();
  await using plugin = await mount(authFile({ path }), { clock });
  const { authenticator } = plugin.services as { authenticator: Authenticator };
  const signal = new AbortController().signal;
  const verify = (): unknown =>
    authenticator.verifyPassword?.({ user: 'ann', password: 'pencil', signal } as never);
  assert.equal(await verify(), undefined);
  assert.match(JSON.stringify(plugin.log.lines), /no password file yet/);
  await setPassword(path, 'ann', 'pencil');
  await clock.advance(1000);
  assert.deepEqual(await verify(), { user: 'ann' });
});

test('a change of the file counts from the next second, and a faulty change keeps what was known', async () => {
  const path = await fileWith(`ann:${PENCIL['apr1 (htpasswd)']}\n`);
  const clock = fakeClock();
  await using plugin = await mount(authFile({ path }), { clock });
  const { authenticator } = plugin.services as { authenticator: Authenticator };
  const verify = (user: string): unknown =>
    authenticator.verifyPassword?.({
      user,
      password: 'pencil',
      signal: new AbortController().signal,
    } as never);
  assert.equal(await verify('bob'), undefined);
  await writeFile(path, `bob:${PENCIL['apr1 (htpasswd)']}\n`);
  await clock.advance(1000);
  assert.deepEqual(await verify('bob'), { user: 'bob' });
  assert.equal(await verify('ann'), undefined);
  await writeFile(path, 'bob:secret\n');
  await clock.advance(1000);
  assert.deepEqual(await verify('bob'), { user: 'bob' });
  assert.match(JSON.stringify(plugin.log.lines), /the password file is kept as it was/);
  await rm(path);
  await clock.advance(1000);
  assert.deepEqual(await verify('bob'), { user: 'bob' });
});

test('SCRAM is offered when every user has keys for it, and works', async () => {
  const scram = PENCIL['SCRAM-SHA-256 (doveadm pw), RFC 7677 §3'];
  const mechanisms = async (text: string): Promise<string> => {
    await using house = await openHouse({
      listeners: [{ name: 'mx', port: 0, auth: 'offered', authWithoutTls: true }],
      plugins: [authFile({ path: await fileWith(text) })],
    });
    const said = await house.talk('S: 220 *\nC: EHLO client.example\nS: 250-*\nS: 250 AUTH *');
    return said.at(-1) ?? '';
  };
  assert.equal(await mechanisms(`ann:${scram}\n`), '250 AUTH PLAIN LOGIN SCRAM-SHA-256');
  assert.equal(await mechanisms(`ann:${scram}\nbob:${PENCIL['apr1 (htpasswd)']}\n`), '250 AUTH PLAIN LOGIN');
});

test('many logins at a time are all answered, a few passwords at a time', async () => {
  const path = await fileWith(`ann:${PENCIL['apr1 (htpasswd)']}\n`);
  await using plugin = await mount(authFile({ path }));
  const { authenticator } = plugin.services as { authenticator: Authenticator };
  const ended = new AbortController();
  const one = (signal: AbortSignal): unknown =>
    authenticator.verifyPassword?.({ user: 'ann', password: 'pencil', signal } as never);
  const waiting = Array.from({ length: 50 }, () => one(new AbortController().signal));
  const given = assert.rejects(Promise.resolve(one(ended.signal)), /the connection is gone/);
  ended.abort(new Error('the connection is gone'));
  assert.deepEqual(await Promise.all(waiting), new Array(50).fill({ user: 'ann' }));
  await given;
});
