// An editor's side of the Language Server Protocol, as far as a test needs it: requests, and what the server says of a
// document. Over stdio, in frames of JSON-RPC.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';

export interface Diagnostic {
  readonly message: string;
  readonly range: { readonly start: { readonly line: number; readonly character: number } };
}

interface Message {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

/** Settings that it asks for: whatever it does by default, but without the catalogue of schemas on the web. */
const SETTINGS: Readonly<Record<string, unknown>> = {
  yaml: { schemaStore: { enable: false }, completion: true, hover: true, validate: true },
};

export class LanguageServer implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #diagnostics = new Map<string, (found: readonly Diagnostic[]) => void>();
  #heard = Buffer.alloc(0);
  #last = 0;

  private constructor(script: string) {
    this.#child = spawn(process.execPath, [script, '--stdio'], { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#child.stdout.on('data', (part: Buffer) => this.#hear(part));
    this.#child.on('exit', (code) => {
      for (const answer of this.#waiting.values()) answer({ error: { message: `it has ended: ${code}` } });
    });
  }

  /** @param root the folder that the editor has open, as a URL. */
  static async start(script: string, root: string): Promise<LanguageServer> {
    const server = new LanguageServer(script);
    const capabilities = {
      workspace: { configuration: true },
      textDocument: {
        completion: { completionItem: { documentationFormat: ['markdown'] } },
        hover: { contentFormat: ['markdown'] },
        publishDiagnostics: {},
      },
    };
    await server.request('initialize', { processId: process.pid, rootUri: root, capabilities });
    server.#send({ method: 'initialized', params: {} });
    server.#send({ method: 'workspace/didChangeConfiguration', params: { settings: SETTINGS } });
    return server;
  }

  /** Opens a document. @returns what the server finds wrong with it. */
  open(uri: string, text: string): Promise<readonly Diagnostic[]> {
    const found = new Promise<readonly Diagnostic[]>((resolve) => this.#diagnostics.set(uri, resolve));
    const textDocument = { uri, languageId: 'yaml', version: 1, text };
    this.#send({ method: 'textDocument/didOpen', params: { textDocument } });
    return found;
  }

  request(method: string, params: object): Promise<unknown> {
    const id = ++this.#last;
    this.#send({ id, method, params });
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ result, error }) =>
        error === undefined ? resolve(result) : reject(new Error(`${method}: ${error.message}`)),
      );
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill();
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
  }

  #send(message: Message): void {
    const text = JSON.stringify({ jsonrpc: '2.0', ...message });
    this.#child.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  }

  #hear(part: Buffer): void {
    this.#heard = Buffer.concat([this.#heard, part]);
    for (;;) {
      const end = this.#heard.indexOf('\r\n\r\n');
      if (end === -1) return;
      const length = Number(/Content-Length: (\d+)/.exec(this.#heard.toString('latin1', 0, end))?.[1]);
      if (this.#heard.length < end + 4 + length) return;
      const text = this.#heard.toString('utf8', end + 4, end + 4 + length);
      this.#heard = this.#heard.subarray(end + 4 + length);
      this.#take(JSON.parse(text) as Message);
    }
  }

  #take({ id, method, params, ...rest }: Message): void {
    if (method === undefined) {
      this.#waiting.get(id as number)?.(rest);
      this.#waiting.delete(id as number);
    } else if (method === 'workspace/configuration') {
      const { items } = params as { readonly items: readonly { readonly section?: string }[] };
      this.#send({ id: id as number, result: items.map(({ section = '' }) => SETTINGS[section] ?? null) });
    } else if (method === 'textDocument/publishDiagnostics') {
      const { uri, diagnostics } = params as {
        readonly uri: string;
        readonly diagnostics: readonly Diagnostic[];
      };
      this.#diagnostics.get(uri)?.(diagnostics);
      this.#diagnostics.delete(uri);
    } else if (id !== undefined) {
      this.#send({ id, result: null });
    }
  }
}
