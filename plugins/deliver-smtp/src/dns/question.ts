// One DNS question and its answer as values: written, held against what was asked, and read. Pure.
// Whoever answers is a resolver that the operator trusts; what it passes on is not to be trusted to be well-formed.

import { AUTHENTIC_DATA, CHECKING_DISABLED, decode, encode, RECURSION_DESIRED } from 'dns-packet';

export type RecordType = 'MX' | 'A' | 'AAAA' | 'CNAME' | 'TLSA';

export interface Question {
  readonly type: RecordType;
  /** Lower case, without a dot at the end. */
  readonly name: string;
}

export interface Answer {
  /** The data of the records of the type that was asked for, as dns-packet gives it. */
  readonly records: readonly unknown[];
  /** The resolver has validated all of it, also that there is nothing (RFC 4035 §3.2.3). */
  readonly secure: boolean;
  /** The name at the end of the CNAMEs; the name that was asked for where there are none. */
  readonly canonical: string;
  /** Seconds for which it is good. */
  readonly ttl: number;
}

/** What came is no answer to the question: it is to be asked again. */
export class BadAnswer extends Error {
  /** SERVFAIL: a validating resolver says so of what does not validate. */
  readonly servfail: boolean;
  constructor(text: string, servfail = false) {
    super(text);
    this.servfail = servfail;
  }
}

/** What a datagram may have at most, so that none has to be cut on its way (RFC 9715). */
const UDP_OCTETS = 1232;
/** CNAMEs that are followed from one name. */
const MAX_CNAMES = 8;
/** Records of the type that are read; a name with more is no better served by them. */
const MAX_RECORDS = 100;
const RCODE = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];

/** @param checkingDisabled asks for the data even where it does not validate (RFC 4035 §3.2.2) */
export function encodeQuestion({ type, name }: Question, id: number, checkingDisabled = false): Buffer {
  return encode({
    type: 'query',
    id,
    // RFC 6840 §5.7: AD in a query asks for AD in the answer, and not for signatures, which we have no use for.
    flags: RECURSION_DESIRED | AUTHENTIC_DATA | (checkingDisabled ? CHECKING_DISABLED : 0),
    questions: [{ type, name, class: 'IN' }],
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: UDP_OCTETS,
        flags: 0,
        flag_do: false,
        options: [],
        ednsVersion: 0,
        extendedRcode: 0,
      },
    ],
  });
}

/**
 * Throws a BadAnswer. `truncated`: there is more than a datagram holds, to be asked for over TCP (RFC 7766).
 * `foreign`: it belongs to another question.
 */
export function readAnswer(
  octets: Uint8Array,
  question: Question,
  id: number,
): Answer | 'truncated' | 'foreign' {
  const packet = decoded(octets);
  const [asked] = packet.questions ?? [];
  if (
    packet.type !== 'response' ||
    packet.id !== id ||
    asked?.type !== question.type ||
    plain(asked.name) !== question.name
  )
    return 'foreign';
  if (packet.flag_tc) return 'truncated';
  const { rcode } = packet as { rcode?: string };
  if (rcode !== 'NOERROR' && rcode !== 'NXDOMAIN')
    throw new BadAnswer(
      RCODE.includes(rcode ?? '') ? String(rcode) : 'an error of the server',
      rcode === 'SERVFAIL',
    );

  const answers = (packet.answers ?? []) as readonly Record[];
  let ttl = Number.POSITIVE_INFINITY;
  let canonical = question.name;
  for (let hops = 0; question.type !== 'CNAME'; hops++) {
    const alias = answers.find(({ type, name }) => type === 'CNAME' && plain(name) === canonical);
    if (alias === undefined) break;
    if (hops === MAX_CNAMES) throw new BadAnswer('a loop of CNAMEs');
    canonical = plain(String(alias.data));
    ttl = Math.min(ttl, alias.ttl ?? 0);
  }
  const found = answers
    .filter(({ type, name }) => type === question.type && plain(name) === canonical)
    .slice(0, MAX_RECORDS);
  for (const record of found) ttl = Math.min(ttl, record.ttl ?? 0);
  return {
    records: found.map(({ data }) => data),
    secure: packet.flag_ad === true,
    canonical,
    ttl: found.length > 0 ? ttl : Math.min(ttl, negativeTtl((packet.authorities ?? []) as readonly Record[])),
  };
}

interface Record {
  readonly type: string;
  readonly name: string;
  readonly ttl?: number;
  readonly data: unknown;
}

function decoded(octets: Uint8Array): ReturnType<typeof decode> {
  try {
    return decode(Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength));
  } catch (cause) {
    throw new BadAnswer(`an answer that cannot be read: ${(cause as Error).message}`);
  }
}

/** RFC 2308 §5: the lesser of the SOA's own TTL and its minimum. */
function negativeTtl(authorities: readonly Record[]): number {
  const soa = authorities.find(({ type }) => type === 'SOA');
  if (soa === undefined) return 0;
  return Math.min(soa.ttl ?? 0, (soa.data as { minimum?: number }).minimum ?? 0);
}

export function plain(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}
