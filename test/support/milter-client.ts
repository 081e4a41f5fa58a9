// Hands a message to a milter as Postfix does (the Sendmail milter protocol, version 6), and gives back the fields that
// it puts in. Just enough to have real filters sign.

import { once } from 'node:events';
import { connect } from 'node:net';

/** The message with the milter's fields on top. CRLF line ends. */
export async function throughMilter(port: number, message: Buffer, sender: string): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  let heard: Buffer = Buffer.alloc(0);
  let arrived = (): void => {};
  socket.on('data', (bytes: Buffer) => {
    heard = Buffer.concat([heard, bytes]);
    arrived();
  });
  const send = (command: string, ...parts: (string | Buffer)[]): void => {
    const data = Buffer.concat([
      Buffer.from(command),
      ...parts.map((part) => Buffer.from(part as string, 'latin1')),
    ]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    socket.write(Buffer.concat([length, data]));
  };
  const reply = async (): Promise<{ command: string; data: Buffer }> => {
    for (;;) {
      const length = heard.length < 4 ? Number.POSITIVE_INFINITY : heard.readUInt32BE(0);
      if (heard.length >= 4 + length) {
        const packet = heard.subarray(4, 4 + length);
        heard = heard.subarray(4 + length);
        return { command: packet.toString('latin1', 0, 1), data: packet.subarray(1) };
      }
      await new Promise<void>((resolve) => {
        arrived = resolve;
      });
    }
  };
  const go = async (): Promise<void> => {
    const { command } = await reply();
    if (command !== 'c' && command !== 'a') throw new Error(`the milter answered ${command}`);
  };
  try {
    const offer = Buffer.alloc(12);
    offer.writeUInt32BE(6, 0);
    offer.writeUInt32BE(0x1ff, 4);
    send('O', offer);
    await reply();
    send('C', 'client.example\x004', Buffer.from([0x9c, 0x40]), '127.0.0.1\0');
    await go();
    send('H', 'client.example\0');
    await go();
    send('M', `<${sender}>\0`);
    await go();
    send('R', '<bob@posthouse.test>\0');
    await go();
    const end = message.indexOf('\r\n\r\n');
    for (const field of message.toString('latin1', 0, end).split(/\r\n(?![ \t])/)) {
      const colon = field.indexOf(':');
      send(
        'L',
        `${field.slice(0, colon)}\0${field
          .slice(colon + 1)
          .replace(/^ /, '')
          .replace(/\r\n/g, '\n')}\0`,
      );
      await go();
    }
    send('N');
    await go();
    send('B', message.subarray(end + 4));
    await go();
    send('E');
    let fields = '';
    for (;;) {
      const { command, data } = await reply();
      if (command === 'c' || command === 'a') break;
      if (command !== 'h' && command !== 'i') continue;
      const [name = '', value = ''] = data.toString('latin1', command === 'i' ? 4 : 0).split('\0');
      fields = `${name}: ${value.replace(/\r?\n/g, '\r\n')}\r\n${fields}`;
    }
    return Buffer.concat([Buffer.from(fields, 'latin1'), message]);
  } finally {
    socket.destroy();
  }
}
