import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AuthenticationResult, definePlugin, type ServerDefinition, Verdict } from '../../src/index.ts';
import { deliverMemory, openHouse } from '../../src/testing/index.ts';

const accepts = definePlugin({
  name: 'accepts',
  setup: () => ({ hooks: { 'on-rcpt': () => Verdict.accept() } }),
});

const contributes = (name: string, result: AuthenticationResult) =>
  definePlugin({
    name,
    setup: () => ({ hooks: { 'on-data': ({ edits }) => edits.authenticationResult(result) } }),
  });

async function received(
  header: readonly string[],
  definition: Partial<ServerDefinition> = {},
): Promise<string> {
  const transport = deliverMemory();
  const plugins = [...(definition.plugins ?? []), accepts(), transport];
  await using house = await openHouse({ ...definition, plugins });
  await house.talk(
    [
      'S: 220 *',
      'C: HELO client.example',
      'S: 250 *',
      'C: MAIL FROM:<ann@client.example>',
      'S: 250 *',
      'C: RCPT TO:<bob@house.example>',
      'S: 250 *',
      'C: DATA',
      'S: 354 *',
      ...header.map((line) => `C: ${line}`),
      'C:',
      'C: hello',
      'C: .',
      'S: 250 *',
    ].join('\n'),
  );
  const [message] = await transport.delivered(1);
  return message?.content ?? '';
}

test('what all plugins contribute stands in one field above the trace', async () => {
  const plugins = [
    contributes('check-one', {
      method: 'spf',
      result: 'pass',
      properties: { 'smtp.mailfrom': 'a.example' },
    })(),
    contributes('check-two', { method: 'iprev', result: 'fail' })(),
  ];
  assert.match(
    await received(['Subject: x'], { plugins }),
    /^Authentication-Results: house\.example;\r\n\tspf=pass smtp\.mailfrom=a\.example;\r\n\tiprev=fail\r\nReceived: /,
  );
});

test('nobody contributes: there is no field, and the message stays as it came', async () => {
  const message = await received(['Authentication-Results: other.example; spf=pass']);
  assert.match(
    message,
    /^Received: [\s\S]*\r\nAuthentication-Results: other\.example; spf=pass\r\n\r\nhello\r\n$/,
  );
});

test('a forged field is removed though no plugin checks anything, and the rest stays octet for octet', async () => {
  const message = await received([
    'Subject: one',
    'AUTHENTICATION-results :(c) "HOUSE.example"',
    '\t99; dmarc=pass',
    'Authentication-Results: other.example; spf=pass',
    'X-Last:  two',
  ]);
  assert.match(
    message,
    /^Received: [^\r]*\r\n(?:\t[^\r]*\r\n)*Subject: one\r\nAuthentication-Results: other\.example; spf=pass\r\nX-Last: {2}two\r\n\r\nhello\r\n$/,
  );
});

test('the field has the configured name, and that name is then the one that is protected', async () => {
  const plugins = [contributes('check-one', { method: 'spf', result: 'none' })()];
  const message = await received(
    ['Authentication-Results: mail.example; spf=pass', 'Authentication-Results: house.example; spf=pass'],
    { plugins, authenticationResults: { authservId: 'mail.example' } },
  );
  assert.match(message, /^Authentication-Results: mail\.example;\r\n\tspf=none\r\nReceived: /);
  assert.equal(message.match(/mail\.example/g)?.length, 1);
  assert.match(message, /\r\nAuthentication-Results: house\.example; spf=pass\r\n/);
});

test('a server of ours may have written the field', async () => {
  const field = 'Authentication-Results: house.example; spf=pass';
  const trusted = { authenticationResults: { trusted: ['192.0.2.0/24', '127.0.0.0/8'] } };
  assert.match(await received([field], trusted), /spf=pass/);
  assert.doesNotMatch(await received([field]), /spf=pass/);
});

test('in mode observe nothing is contributed', async () => {
  const plugins = [
    { use: contributes('check-one', { method: 'spf', result: 'none' })(), mode: 'observe' as const },
  ];
  assert.match(await received(['Subject: x'], { plugins }), /^Received: /);
});

test('a method, result or property that is no keyword is the mistake of the plugin, and fails closed', async () => {
  for (const result of [
    { method: 'spf=pass; dmarc', result: 'pass' },
    { method: 'spf', result: 'pass\r\nX-Evil: yes' },
    { method: 'spf', result: 'pass', properties: { 'smtp.mail from': 'x' } },
    { method: 'spf', result: 'pass', properties: { 'a.b.c': 'x' } },
  ]) {
    await assert.rejects(received(['Subject: x'], { plugins: [contributes('check-bad', result)()] }), /451/);
  }
});
