// Dialogue files: their title, the house they are held in, the dialogue, and the messages that must come of it.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Authenticator, definePlugin, type ListenerDefinition, Verdict } from '@posthouse/core';
import { authMemory, deliverMemory, type HouseOptions, type MemoryTransport } from '@posthouse/core/testing';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface DialogueFile {
  readonly name: string;
  /** `RFC 5321 §3.3 …`, from the first line. */
  readonly title: string;
  readonly text: string;
  readonly house: HouseLine;
  /** What is delivered, without the Received field; one for each `# delivers:` line. */
  readonly delivers: readonly string[];
}

/** What `# house:` may say, in JSON. */
export interface HouseLine {
  readonly limits?: NonNullable<HouseOptions['limits']>;
  /** The listener has a certificate. */
  readonly certificate?: boolean;
  /** Networks whose clients may use XCLIENT and XFORWARD. */
  readonly xclient?: readonly string[];
  /** TLS is required on it. */
  readonly tlsRequired?: boolean;
  /** The listener's AUTH, without TLS, for ann with the password `pencil` and the token `mF_9.B5f-4.1JqM`. */
  readonly auth?: 'offered' | 'required';
  /** false: AUTH only under TLS. */
  readonly authWithoutTls?: false;
  readonly authMechanisms?: ListenerDefinition['authMechanisms'];
  /** Nobody can tell who is who. */
  readonly authUnavailable?: boolean;
  /** More of the listener. */
  readonly listener?: Partial<NonNullable<HouseOptions['listeners']>[number]>;
  /** Every connection is refused by a plugin. */
  readonly refuses?: boolean;
}

export function dialogueFiles(): readonly DialogueFile[] {
  const folder = `${root}conformance/`;
  return readdirSync(folder)
    .filter((file) => file.endsWith('.smtp'))
    .sort()
    .map((name) => {
      const text = readFileSync(`${folder}${name}`, 'utf8');
      const lines = text.split('\n');
      const said = (key: string): string[] =>
        lines.filter((line) => line.startsWith(`# ${key}: `)).map((line) => line.slice(key.length + 4));
      const [house = '{}'] = said('house');
      const title = (lines[0] ?? '').replace(/^# /, '');
      return {
        name,
        title,
        text,
        house: JSON.parse(house),
        delivers: said('delivers').map((line) => JSON.parse(line)),
      };
    });
}

/** Ours is what is in ours.example, and postmaster. */
const acceptOurs = definePlugin({
  name: 'accept-ours',
  setup: () => ({
    hooks: {
      'on-rcpt': ({ recipient }) =>
        recipient.domain === 'ours.example' || recipient.domain === ''
          ? Verdict.accept()
          : Verdict.continue(),
    },
  }),
});

const refuseAll = definePlugin({
  name: 'refuse-all',
  setup: () => ({ hooks: { 'on-connect': () => Verdict.reject('5.7.1', 'No service for you') } }),
});

const authBroken = definePlugin({
  name: 'auth-broken',
  provides: { authenticator: Authenticator },
  setup: () => ({
    services: {
      authenticator: {
        verifyPassword: () => {
          throw new Error('the directory is down');
        },
      },
    },
  }),
});

const users = authMemory({ users: { ann: 'pencil' }, tokens: { 'mF_9.B5f-4.1JqM': 'ann' } });

/** AUTH without TLS, so that a dialogue can be read. */
function authOf({ auth, authWithoutTls, authMechanisms }: HouseLine): Partial<ListenerDefinition> {
  if (auth === undefined) return {};
  return { auth, authWithoutTls: authWithoutTls ?? true, ...(authMechanisms && { authMechanisms }) };
}

export function houseOf(line: HouseLine): {
  options: HouseOptions;
  transport: MemoryTransport;
} {
  const { limits, certificate, tlsRequired, xclient, listener, refuses, auth, authUnavailable } = line;
  const transport = deliverMemory();
  const fixture = (name: string): string => `${root}fixtures/house.example.${name}.pem`;
  const options: HouseOptions = {
    plugins: [
      ...(refuses ? [refuseAll()] : []),
      acceptOurs(),
      ...(auth === undefined ? [] : [authUnavailable ? authBroken() : users]),
      transport,
    ],
    listeners: [
      {
        name: 'mx',
        host: '127.0.0.1',
        port: 0,
        ...(tlsRequired && { tlsRequired }),
        ...authOf(line),
        ...(xclient && { xclient }),
        ...listener,
      },
    ],
    deadlines: { authDelay: 0 },
    ...(limits && { limits }),
    ...(certificate && { tls: { cert: fixture('cert'), key: fixture('key') } }),
  };
  return { options, transport };
}
