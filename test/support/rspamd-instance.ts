// A real rspamd that checks DKIM and ARC and seals, on a port of its own, with DNS of our making.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import type { TemporaryFolder } from './server-process.ts';

/** Milliseconds until it must answer. */
const PATIENCE = 30_000;

export interface RspamdAnswer {
  readonly symbols: Readonly<Record<string, { readonly options?: readonly string[] }>>;
  readonly milter?: {
    readonly add_headers?: Readonly<
      Record<string, { readonly value: string } | readonly { readonly value: string }[]>
    >;
  };
}

export class RspamdInstance implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #port: number;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.#port = port;
  }

  /** @param keys what DNS has, by name; `sealing` is the file of the key with which it seals, as selector `seal` */
  static async start(
    folder: TemporaryFolder,
    domain: string,
    keys: Readonly<Record<string, string>>,
    sealing: string,
  ): Promise<RspamdInstance> {
    const port = await freePort();
    for (const name of ['run', 'db', 'log']) mkdirSync(folder.join(name), { recursive: true });
    const records = Object.entries(keys).map(
      ([name, text]) => `{ name = "${name}"; type = "txt"; replies = ["${text}"]; }`,
    );
    writeFileSync(
      folder.join('rspamd.conf'),
      `options {
  filters = "dkim";
  pidfile = "${folder.join('run/rspamd.pid')}";
  control_socket = "${folder.join('run/control.sock')} mode=0600";
  url_tld = "\${SHAREDIR}/effective_tld_names.dat";
  local_addrs = [];
  dns { nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; fake_records = [${records.join(', ')}] }
}
logging { type = "file"; filename = "${folder.join('log/rspamd.log')}"; level = "info"; }
worker "normal" { bind_socket = "127.0.0.1:${port}"; count = 1; }
dkim { }
arc {
  path = "${sealing}"; selector = "seal"; sign_inbound = true; sign_local = true; sign_authenticated = true;
  use_domain = "recipient"; allow_hdrfrom_mismatch = true; allow_username_mismatch = true; try_fallback = true;
  domain { "${domain}" { path = "${sealing}"; selector = "seal"; } }
}
metric { name = "default"; actions { reject = 1000; } }
lua = "\${RULESDIR}/rspamd.lua"
modules { path = "\${PLUGINSDIR}/arc.lua"; }
`,
    );
    const folders = { LOGDIR: 'log', DBDIR: 'db', RUNDIR: 'run' };
    const vars = Object.entries(folders).map(([name, part]) => `--var=${name}=${folder.join(part)}`);
    const child = spawn('rspamd', ['-f', '-i', '-c', folder.join('rspamd.conf'), ...vars], {
      stdio: 'ignore',
    });
    const instance = new RspamdInstance(child, port);
    const deadline = Date.now() + PATIENCE;
    while (!(await instance.#answers())) {
      if (Date.now() > deadline || child.exitCode !== null) throw new Error('rspamd does not answer');
      await wait(50);
    }
    return instance;
  }

  async check(
    message: Buffer,
    envelope: { readonly from: string; readonly rcpt: string },
  ): Promise<RspamdAnswer> {
    const response = await fetch(`http://127.0.0.1:${this.#port}/checkv2`, {
      method: 'POST',
      body: new Uint8Array(message),
      headers: { From: envelope.from, Rcpt: envelope.rcpt, Ip: '192.0.2.1', 'Deliver-To': envelope.rcpt },
    });
    return (await response.json()) as RspamdAnswer;
  }

  async #answers(): Promise<boolean> {
    try {
      return (await fetch(`http://127.0.0.1:${this.#port}/ping`)).ok;
    } catch {
      return false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exited;
  }
}
