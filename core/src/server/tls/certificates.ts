// The certificates of the running server: loaded at the start and again when their files change or the operator asks,
// chosen by name, and watched for their end. What cannot be loaded leaves what is in use as it is, and says so.

import { constants, createHmac } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContext, type TLSSocketOptions } from 'node:tls';
import { type Clock, type EventSink, PosthouseError, type Timer } from '../../contract/index.ts';
import type { ListenerTls } from '../../reception/index.ts';
import { type Certificate, readCertificate } from './certificate.ts';
import { NameTable } from './names.ts';
import { selfSigned } from './self-signed.ts';
import { certificateFiles, DEFAULT_CIPHERS, type TlsSettings } from './settings.ts';

/** How often the files are looked at: a stat of each. */
const LOOK = 10_000;
const DAY = 86_400_000;
/** Octets of the name and the two keys of a ticket (RFC 5077 §4), as OpenSSL takes them together. */
const TICKET_KEYS = 48;

/** What one listener wants of its clients. */
export interface ClientCertificatePolicy {
  readonly clientCertificates: 'none' | 'request' | 'require';
  /** The file with the authorities that may vouch for clients, PEM. */
  readonly clientCa?: string | undefined;
}

/** The contexts of one listener, made anew at each load. */
class ListenerContexts implements ListenerTls {
  readonly clientCertificates: ClientCertificatePolicy['clientCertificates'];
  readonly clientCa: string | undefined;
  /** Empty until the certificates are loaded: no listener accepts before. */
  options: TLSSocketOptions = {};

  constructor({ clientCertificates, clientCa }: ClientCertificatePolicy) {
    this.clientCertificates = clientCertificates;
    this.clientCa = clientCa;
  }
}

export class Certificates {
  readonly #settings: TlsSettings;
  readonly #hostname: string;
  readonly #selfSignedFile: string | undefined;
  readonly #ticketSecret: Uint8Array | undefined;
  readonly #clock: Clock;
  readonly #events: EventSink;
  readonly #listeners: ListenerContexts[] = [];
  #loaded: readonly Certificate[] = [];
  /** The state of the files when they were last read, well or not. */
  #seen = '';
  #look: Timer | undefined;
  #daily: Timer | undefined;

  /**
   * @param selfSignedFile where a certificate of our own is kept when none is configured; undefined: in memory
   * @param ticketSecret whoever has the same one resumes our sessions, and we theirs; undefined: nobody else does
   */
  constructor(
    settings: TlsSettings,
    hostname: string,
    selfSignedFile: string | undefined,
    clock: Clock,
    events: EventSink,
    ticketSecret?: Uint8Array,
  ) {
    this.#settings = settings;
    this.#hostname = hostname;
    this.#selfSignedFile = selfSignedFile;
    this.#clock = clock;
    this.#events = events;
    this.#ticketSecret = ticketSecret;
  }

  /** For a listener that speaks TLS. Good for handshakes after `start`. */
  forListener(policy: ClientCertificatePolicy): ListenerTls {
    const contexts = new ListenerContexts(policy);
    this.#listeners.push(contexts);
    return contexts;
  }

  /** Throws `config-invalid` when a certificate cannot be used. Does nothing where no listener speaks TLS. */
  start(): void {
    if (this.#listeners.length === 0) return;
    try {
      this.#load();
    } catch (error) {
      throw new PosthouseError('config-invalid', `TLS cannot be used: ${messageOf(error)}`, { cause: error });
    }
    this.#warnOfExpiry();
    this.#look = this.#clock.every(LOOK, () => this.#lookAtFiles());
    this.#daily = this.#clock.every(DAY, () => this.#warnOfExpiry());
  }

  stop(): void {
    this.#look?.stop();
    this.#daily?.stop();
  }

  /** Reads the files again. Connections that are open keep what they have. */
  reload(): void {
    if (this.#listeners.length === 0) return;
    try {
      this.#load();
    } catch (error) {
      this.#events.emit('certificates-refused', { text: messageOf(error) });
      return;
    }
    this.#warnOfExpiry();
  }

  /** A line for people when the certificate is our own. */
  cautions(): readonly string[] {
    const [only] = this.#loaded;
    if (only === undefined || certificateFiles(this.#settings).length > 0) return [];
    const where = this.#selfSignedFile === undefined ? 'in memory' : only.source;
    return [`no certificate is configured: a self-signed one is used (${where}), which no client trusts`];
  }

  #lookAtFiles(): void {
    if (this.#stateOfFiles() !== this.#seen) this.reload();
  }

  #load(): void {
    // Before the reading: a file that is written meanwhile has another state at the next look.
    this.#seen = this.#stateOfFiles();
    const files = certificateFiles(this.#settings);
    const certificates: [Certificate, ...Certificate[]] | readonly Certificate[] =
      files.length === 0
        ? [selfSigned(this.#hostname, this.#selfSignedFile, this.#clock.now())]
        : files.map(named);
    // All or nothing: only when everything could be made does anything change.
    const made = this.#listeners.map((listener) =>
      optionsOf(listener, certificates, this.#settings, this.#ticketSecret),
    );
    for (const [index, listener] of this.#listeners.entries())
      listener.options = made[index] as TLSSocketOptions;
    this.#loaded = certificates;
    this.#events.emit('certificates-loaded', {
      selfSigned: files.length === 0,
      certificates: certificates.map(({ source, names, notAfter, fingerprint }) => ({
        source,
        names,
        expires: new Date(notAfter).toISOString(),
        fingerprint,
      })),
    });
  }

  #warnOfExpiry(): void {
    const now = this.#clock.now();
    for (const { source, names, notAfter } of this.#loaded) {
      if (notAfter - now > this.#settings.expiryWarning) continue;
      this.#events.emit('certificate-expiring', {
        source,
        names,
        expires: new Date(notAfter).toISOString(),
        expired: notAfter <= now,
      });
    }
  }

  /** Other content has another time, size or place: a symbolic link that leads elsewhere is a change too. */
  #stateOfFiles(): string {
    const files = [
      ...certificateFiles(this.#settings).flatMap(({ cert, key }) => [cert, key]),
      ...this.#listeners.flatMap(({ clientCa }) => (clientCa === undefined ? [] : [clientCa])),
    ];
    return files.map(stateOf).join(' ');
  }
}

/** The options of a listener's handshakes. Throws where OpenSSL cannot work with certificate, authorities or ciphers. */
export function optionsOf(
  { clientCertificates, clientCa }: ClientCertificatePolicy,
  certificates: readonly Certificate[],
  { minVersion, ciphers = DEFAULT_CIPHERS }: Pick<TlsSettings, 'minVersion' | 'ciphers'>,
  ticketSecret?: Uint8Array,
): TLSSocketOptions {
  const ca =
    clientCertificates === 'none' || clientCa === undefined ? undefined : readFileSync(clientCa, 'utf8');
  // A resumed session counts only where its client certificate was asked for in the same way.
  const sessionIdContext = clientCertificates === 'none' ? 'posthouse' : 'posthouse-client';
  const choices = certificates.map(({ names, cert, key, fingerprint }) => ({
    names,
    context: createSecureContext({
      cert,
      key,
      minVersion,
      ciphers,
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      sessionIdContext,
      ...(clientCertificates !== 'none' && { ca: ca ?? [] }),
      ...(ticketSecret !== undefined && {
        ticketKeys: ticketKeys(ticketSecret, [sessionIdContext, fingerprint, minVersion, ciphers, ca ?? '']),
      }),
    }),
  }));
  const [first] = choices;
  if (first === undefined) throw new Error('there is no certificate');
  const options = {
    isServer: true,
    secureContext: first.context,
    // Whether a client without a good certificate is served is the session's to say, in words (RFC 3207 §4.1).
    requestCert: clientCertificates !== 'none',
    rejectUnauthorized: false,
  };
  if (choices.length === 1) return options;
  const table = new NameTable(choices as [typeof first, ...(typeof first)[]]);
  return {
    ...options,
    SNICallback: (name: string, done: (error: Error | null, context?: SecureContext) => void) =>
      done(null, table.find(name).context),
  };
}

/** Other settings have other keys: after a change of the authorities, say, no session from before it is resumed. */
function ticketKeys(secret: Uint8Array, settings: readonly string[]): Buffer {
  return createHmac('sha512', secret).update(JSON.stringify(settings)).digest().subarray(0, TICKET_KEYS);
}

function named(files: { readonly cert: string; readonly key: string }): Certificate {
  try {
    return readCertificate(files);
  } catch (error) {
    throw new Error(`${files.cert}: ${messageOf(error)}`, { cause: error });
  }
}

function stateOf(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats === undefined ? 'missing' : `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeMs}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
