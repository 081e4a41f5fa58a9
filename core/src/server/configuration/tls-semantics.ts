// What no schema can say of TLS: whether the files are certificates with their keys, and whether what the listeners ask
// for can be had.

import { readFileSync } from 'node:fs';
import { type Certificate, certificateOf } from '../tls/certificate.ts';
import { optionsOf } from '../tls/certificates.ts';
import { makeSelfSigned } from '../tls/self-signed.ts';

type Members = Readonly<Record<string, unknown>>;
/** A JSON Pointer and what is wrong there. */
type Complaints = readonly (readonly [string, string])[];

/** @param listeners as they are: what has not its type is passed over. */
export function tlsComplaints(tls: Members, listeners: readonly Members[]): Complaints {
  const { cert, key, certificates } = tls;
  const complaints: (readonly [string, string])[] = [];
  const pairs: (readonly [string, Members])[] = [];
  if (cert !== undefined || key !== undefined) {
    if (key === undefined) complaints.push(['/tls', 'has a certificate without its key; add key: …']);
    if (cert === undefined) complaints.push(['/tls', 'has a key without its certificate; add cert: …']);
    pairs.push(['/tls', tls]);
  }
  for (const [index, pair] of (Array.isArray(certificates) ? certificates : []).entries()) {
    if (typeof pair === 'object' && pair !== null)
      pairs.push([`/tls/certificates/${index}`, pair as Members]);
  }
  for (const [pointer, pair] of pairs) complaints.push(...pairComplaints(pointer, pair));
  complaints.push(...settingComplaints(tls));
  for (const [index, listener] of listeners.entries())
    complaints.push(...listenerComplaints(`/listeners/${index}`, listener, pairs.length > 0));
  return complaints;
}

function pairComplaints(pointer: string, { cert, key }: Members): Complaints {
  if (typeof cert !== 'string' || typeof key !== 'string') return [];
  const complaints: (readonly [string, string])[] = [];
  const [certificate, secret] = [cert, key].map((file, index) => {
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      const part = index === 0 ? 'cert' : 'key';
      complaints.push([`${pointer}/${part}`, `cannot be read: ${(error as Error).message}`]);
      return undefined;
    }
  });
  if (certificate === undefined || secret === undefined) return complaints;
  return attempt(pointer, 'is no certificate with its key', () =>
    optionsOf({ clientCertificates: 'none' }, [certificateOf(cert, certificate, secret)], ANY),
  );
}

const ANY = { minVersion: 'TLSv1.2' } as const;

/** Tried on a certificate of our own, which suits any of them. */
function settingComplaints({ ciphers }: Members): Complaints {
  if (typeof ciphers !== 'string') return [];
  return attempt('/tls/ciphers', 'cannot be used', () =>
    optionsOf({ clientCertificates: 'none' }, [sample()], { ...ANY, ciphers }),
  );
}

function listenerComplaints(pointer: string, listener: Members, certificate: boolean): Complaints {
  const { tlsRequired, clientCertificates, clientCa, auth, authWithoutTls } = listener;
  const tls = listener.tls ?? (certificate ? 'starttls' : 'none');
  const asked = clientCertificates === 'request' || clientCertificates === 'require';
  const complaints: (readonly [string, string])[] = [];
  if (tls === 'none' && tlsRequired === true)
    complaints.push([`${pointer}/tlsRequired`, 'cannot be had: the listener has no TLS']);
  if (tls === 'none' && (auth === 'offered' || auth === 'required') && authWithoutTls !== true) {
    const text = `is ${auth}, but the listener has no TLS, and without it no client may authenticate; give it TLS, or say authWithoutTls: true`;
    complaints.push([`${pointer}/auth`, text]);
  }
  if (tls === 'none' && asked)
    complaints.push([`${pointer}/clientCertificates`, 'cannot be had: the listener has no TLS']);
  if (clientCertificates === 'require' && clientCa === undefined)
    complaints.push([
      `${pointer}/clientCertificates`,
      'needs to know who vouches for clients; add clientCa: …',
    ]);
  if (typeof clientCa === 'string' && asked) {
    complaints.push(
      ...attempt(`${pointer}/clientCa`, 'cannot be used', () => {
        if (!readFileSync(clientCa, 'utf8').includes('-----BEGIN'))
          throw new Error('there is no certificate in it');
        optionsOf({ clientCertificates: 'request', clientCa }, [sample()], ANY);
      }),
    );
  }
  return complaints;
}

function sample(): Certificate {
  const { cert, key } = makeSelfSigned('posthouse.invalid', 0);
  return certificateOf('', cert, key);
}

function attempt(pointer: string, what: string, act: () => unknown): Complaints {
  try {
    act();
    return [];
  } catch (error) {
    return [[pointer, `${what}: ${(error as Error).message}`]];
  }
}
