// DNS zones with DNSSEC signatures, as ldns makes them, and a real unbound that serves and validates them.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { encode } from 'dns-packet';
import { freePort } from './free-port.ts';

export interface ZoneFile {
  readonly name: string;
  /** Lines of a zone file besides SOA and NS; names are relative to the zone. */
  readonly records: readonly string[];
  /** `wrong`: the records are changed after they were signed. */
  readonly signatures: 'good' | 'wrong' | 'none';
}

/** A record that is put in place of another one behind the signer's back. */
const SIGNED_ADDRESS = '127.0.0.1';
const FORGED_ADDRESS = '127.0.0.9';

export class Unbound implements AsyncDisposable {
  readonly address: string;
  readonly #child: ChildProcess;

  private constructor(port: number, child: ChildProcess) {
    this.address = `127.0.0.1:${port}`;
    this.#child = child;
  }

  /** Serves the zones and validates them; nothing else is asked. */
  static async start(folder: string, zones: readonly ZoneFile[]): Promise<Unbound> {
    const anchors = zones.flatMap((zone) => writeZone(folder, zone) ?? []);
    const port = await freePort();
    const lines = [
      'server:',
      `  interface: 127.0.0.1@${port}`,
      '  username: ""\n  chroot: ""\n  pidfile: ""\n  use-syslog: no\n  do-daemonize: no\n  module-config: "validator iterator"',
      // RFC 6761 §6.2: unbound says of its own that there is nothing below `test`.
      '  local-zone: "test." nodefault',
      ...anchors.map((anchor) => `  trust-anchor: "${anchor}"`),
      ...zones.map(
        ({ name }) =>
          `auth-zone:\n  name: "${name}"\n  zonefile: "${join(folder, name)}"\n  for-downstream: no\n  for-upstream: yes\n  fallback-enabled: no`,
      ),
      'remote-control:\n  control-enable: no',
    ];
    const file = join(folder, 'unbound.conf');
    writeFileSync(file, `${lines.join('\n')}\n`);
    const child = spawn('unbound', ['-d', '-c', file], { stdio: 'ignore' });
    await answering(port, zones[0]?.name ?? '', child);
    return new Unbound(port, child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    await new Promise((resolve) => {
      this.#child.once('exit', resolve);
      this.#child.kill();
    });
  }
}

/** The trust anchor of a zone that is signed. */
function writeZone(folder: string, { name, records, signatures }: ZoneFile): string | undefined {
  const file = join(folder, name);
  const head = [
    `$ORIGIN ${name}.`,
    '$TTL 300',
    '@ IN SOA ns root 1 3600 600 86400 300',
    '@ IN NS ns',
    'ns IN A 127.0.0.1',
  ];
  writeFileSync(file, `${[...head, ...records].join('\n')}\n`);
  if (signatures === 'none') return undefined;
  const run = (program: string, ...args: string[]): string =>
    execFileSync(program, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const key = run('ldns-keygen', '-a', 'ECDSAP256SHA256', '-k', name).trim();
  run('ldns-signzone', '-n', '-f', file, file, key);
  if (signatures === 'wrong')
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replaceAll(`A\t${SIGNED_ADDRESS}`, `A\t${FORGED_ADDRESS}`),
    );
  return readFileSync(join(folder, `${key}.ds`), 'utf8').trim();
}

async function answering(port: number, name: string, child: ChildProcess): Promise<void> {
  const socket = createSocket('udp4');
  let answered = false;
  socket.on('message', () => {
    answered = true;
  });
  socket.on('error', () => {});
  const query = encode({ type: 'query', id: 1, questions: [{ type: 'SOA', name }] });
  for (let tries = 0; tries < 200 && !answered && child.exitCode === null; tries++) {
    socket.send(query, port, '127.0.0.1');
    await wait(50);
  }
  socket.close();
  if (!answered) throw new Error(`unbound does not answer (exit code ${child.exitCode})`);
}
