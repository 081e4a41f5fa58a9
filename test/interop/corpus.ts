// Messages that differ in what mail programs like to break, as the octets that must arrive.

export interface Sample {
  readonly name: string;
  /** CRLF line ends, no dot-stuffing. */
  readonly content: Buffer;
}

const EIGHT_BIT =
  'MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n';

/** @param fields further header fields, each with its CRLF */
export function corpusFrom(author: string, fields = ''): readonly Sample[] {
  const head = (subject: string, more = ''): string =>
    `From: ${author}\r\nTo: box@posthouse.test\r\n${fields}Subject: ${subject}\r\n${more}\r\n`;
  return [
    sample('plain', `${head('plain')}Hello\r\n`),
    sample('dots', `${head('dots')}.\r\n..\r\n.leading\r\n...\r\nend.\r\n.`.concat('x\r\n')),
    sample('utf-8', `${head('utf-8', EIGHT_BIT)}Grüße, 挨拶, привет\r\n`),
    sample('lines of 998 octets', `${head('long')}${`${'a'.repeat(998)}\r\n`.repeat(20)}`),
    sample('lines of 2,000 octets', `${head('longer')}${`${'b'.repeat(2000)}\r\n`.repeat(20)}`),
    sample('no body', head('no body')),
    sample('white space at line ends', `${head('white')}  a  \t\r\n\r\n\r\n \r\n`),
    sample('five megabytes', `${head('large')}${`${'0123456789abcdef'.repeat(4)}..\r\n`.repeat(75_000)}`),
  ];
}

export const corpus: readonly Sample[] = corpusFrom('sender@client.example');

function sample(name: string, content: string): Sample {
  return { name, content: Buffer.from(content, 'utf8') };
}
