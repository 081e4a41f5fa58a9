// What enhanced status codes (RFC 3463 and its registry) say of the kind of a trouble: for outcomes of our own, and for
// replies whose words nobody knows. Pure.

import type { BounceClass } from '../contract/index.ts';

/** By subject and detail, whatever the class digit; `n.` stands for the whole subject. */
const STATUSES: Readonly<Record<string, BounceClass>> = {
  '1.': 'no-mailbox',
  '1.2': 'no-domain',
  '1.7': 'policy',
  '1.8': 'policy',
  '1.9': 'system',
  '1.10': 'no-domain',
  '2.': 'inactive',
  '2.0': 'other',
  '2.2': 'quota',
  '2.3': 'content',
  '2.4': 'system',
  '3.': 'system',
  '3.2': 'system',
  '3.3': 'protocol',
  '3.4': 'content',
  '3.5': 'routing',
  '4.': 'connection',
  '4.3': 'dns',
  '4.4': 'routing',
  '4.6': 'routing',
  '5.': 'protocol',
  '5.3': 'rate',
  '6.': 'content',
  '6.3': 'protocol',
  '6.7': 'protocol',
  '6.8': 'protocol',
  '6.9': 'protocol',
  '6.10': 'protocol',
  '7.': 'policy',
  '7.4': 'tls',
  '7.5': 'tls',
  '7.6': 'tls',
  '7.7': 'authentication',
  '7.8': 'authentication',
  '7.9': 'authentication',
  '7.10': 'tls',
  '7.11': 'tls',
  '7.12': 'authentication',
  '7.13': 'inactive',
  '7.17': 'no-mailbox',
  '7.18': 'no-domain',
  '7.20': 'authentication',
  '7.21': 'authentication',
  '7.22': 'authentication',
  '7.23': 'authentication',
  '7.24': 'authentication',
  '7.25': 'authentication',
  '7.26': 'authentication',
  '7.27': 'no-domain',
  '7.28': 'rate',
  '7.29': 'authentication',
  '7.30': 'tls',
};

/** RFC 3463 §2: a status of subject 0 says nothing. */
export function classOfStatus(status: string): BounceClass {
  const [, subject = '', detail = ''] = status.split('.');
  return STATUSES[`${subject}.${detail}`] ?? STATUSES[`${subject}.`] ?? 'other';
}
