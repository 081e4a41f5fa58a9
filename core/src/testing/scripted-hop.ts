// A next hop on loopback that answers from a script and remembers every octet that it was sent. Greeted with LHLO it
// speaks LMTP: a reply to the message for each recipient that it accepted.

import { createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';

/** The reply without its CRLF; or what else it does. With SILENCE it says nothing any more until `say`. */
export type Reaction = string | 'DROP' | 'SILENCE';
type Answers = Reaction | readonly Reaction[] | ((line: string) => Reaction);

export interface Script {
  readonly greeting?: Reaction;
  readonly keywords?: readonly string[];
  readonly EHLO?: Reaction;
  readonly HELO?: Reaction;
  readonly LHLO?: Reaction;
  readonly STARTTLS?: Reaction;
  /** Replies to AUTH and to each line of the exchange that follows, in turn. */
  readonly AUTH?: Answers;
  readonly RSET?: Reaction;
  readonly MAIL?: Answers;
  readonly RCPT?: Answers;
  readonly DATA?: Answers;
  /** The reply to a chunk, when it is all in. */
  readonly BDAT?: Answers;
  /** The reply to the end of data; a function is given the RCPT line in LMTP. */
  readonly message?: Answers;
  /** Said as soon as the first octets of a message arrive. */
  readonly early?: Reaction;
  /** Reads nothing more after its answer to DATA. */
  readonly stopsReading?: boolean;
  readonly QUIT?: Reaction;
  readonly tls?: { readonly key: string; readonly cert: string };
}

export interface HeardSession {
  /** Command lines, and `<message>` for each end of data. */
  readonly lines: string[];
  /** As they came, dots and end of data included. */
  readonly messages: string[];
  /** What arrived in one piece. */
  readonly chunks: string[];
  secure: boolean;
  /** What the client has named in SNI. */
  serverName: string | undefined;
  /** The client's address; '' with a Unix socket. */
  readonly remoteAddress: string;
  closed: boolean;
  /** It has come to a SILENCE, or stopped reading: the client waits. */
  silent: boolean;
}

export interface ScriptedHop extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
  readonly sessions: HeardSession[];
  /** Speaks on the last connection: out of turn, or what a SILENCE has kept back, and goes on. */
  say(text: string): void;
  /** Closes every connection. */
  hangUp(): void;
}

const DEFAULT_KEYWORDS = ['PIPELINING', 'SIZE 1000000', '8BITMIME', 'SMTPUTF8', 'DSN', 'ENHANCEDSTATUSCODES'];

/** @param script the same for all connections, or one for each. */
export async function scriptedHop(
  script: Script | ((connection: number) => Script) = {},
  { address = '127.0.0.1', port = 0, path }: { address?: string; port?: number; path?: string } = {},
): Promise<ScriptedHop> {
  const sessions: HeardSession[] = [];
  const open: Player[] = [];
  const server: Server = createServer({ noDelay: true }, (socket) => {
    const session: HeardSession = {
      lines: [],
      messages: [],
      chunks: [],
      secure: false,
      serverName: undefined,
      remoteAddress: socket.remoteAddress ?? '',
      closed: false,
      silent: false,
    };
    sessions.push(session);
    open.push(new Player(socket, typeof script === 'function' ? script(sessions.length) : script, session));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    if (path === undefined) server.listen(port, address, resolve);
    else server.listen(path, resolve);
  });
  const hangUp = (): void => {
    for (const player of open.splice(0)) player.drop();
  };
  return {
    address,
    port: path === undefined ? (server.address() as { port: number }).port : 0,
    sessions,
    say: (text) => open.at(-1)?.say(text),
    hangUp,
    async [Symbol.asyncDispose]() {
      hangUp();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

class Player {
  readonly #script: Script;
  readonly #session: HeardSession;
  readonly #turns = new Map<string, number>();
  readonly #clear: Socket;
  #socket: Socket;
  /** What it would have said since its SILENCE. */
  #unsaid: string[] = [];
  #heard = '';
  #inMessage = false;
  /** The chunk that is coming in: its octets, and its BDAT line. */
  #chunk: { readonly size: number; readonly line: string } | undefined;
  #inAuth = false;
  #isLmtp = false;
  /** The RCPT lines of this transaction that were accepted. */
  #accepted: string[] = [];

  constructor(socket: Socket, script: Script, session: HeardSession) {
    this.#clear = socket;
    this.#socket = socket;
    this.#script = script;
    this.#session = session;
    this.#listen(socket);
    this.#react(script.greeting ?? '220 hop.example ESMTP');
  }

  drop(): void {
    this.#socket.destroy();
    this.#clear.destroy();
  }

  say(text: string): void {
    this.#session.silent = false;
    this.#socket.write(text + this.#unsaid.splice(0).join(''));
  }

  #listen(socket: Socket): void {
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#session.closed = true;
    });
    socket.on('data', (bytes: Buffer) => {
      this.#session.chunks.push(bytes.toString('latin1'));
      this.#heard += bytes.toString('latin1');
      this.#read();
    });
  }

  #read(): void {
    for (;;) {
      if (this.#chunk !== undefined) {
        const { size, line } = this.#chunk;
        if (this.#heard.length < size) return;
        this.#session.messages.push(this.#heard.slice(0, size));
        this.#heard = this.#heard.slice(size);
        this.#chunk = undefined;
        this.#react(this.#answer('BDAT', line, '250 2.0.0 taken'));
        continue;
      }
      if (this.#inMessage) {
        if (this.#script.early !== undefined) {
          this.#inMessage = false;
          this.#react(this.#script.early);
          return;
        }
        const end = this.#heard.startsWith('.\r\n') ? 0 : this.#heard.indexOf('\r\n.\r\n') + 2;
        if (end === 1) return;
        this.#session.messages.push(this.#heard.slice(0, end + 3));
        this.#session.lines.push('<message>');
        this.#heard = this.#heard.slice(end + 3);
        this.#inMessage = false;
        for (const line of this.#isLmtp ? this.#accepted : [''])
          this.#react(this.#answer('message', line, '250 2.0.0 taken'));
        this.#accepted = [];
        continue;
      }
      const end = this.#heard.indexOf('\r\n');
      if (end === -1) return;
      const line = this.#heard.slice(0, end);
      this.#heard = this.#heard.slice(end + 2);
      this.#session.lines.push(line);
      this.#command(line);
    }
  }

  #command(line: string): void {
    if (this.#inAuth || line.startsWith('AUTH ')) {
      const reaction = this.#answer('AUTH', line, '235 2.7.0 known');
      this.#inAuth = reaction.startsWith('334');
      this.#react(reaction);
      return;
    }
    const word = line.split(' ', 1)[0] as string;
    switch (word) {
      case 'EHLO':
        this.#react(this.#script.EHLO ?? this.#hello());
        return;
      case 'LHLO':
        this.#isLmtp = true;
        this.#react(this.#script.LHLO ?? this.#hello());
        return;
      case 'RCPT': {
        const reaction = this.#answer('RCPT', line, '250 ok');
        if (reaction.startsWith('2')) this.#accepted.push(line);
        this.#react(reaction);
        return;
      }
      case 'DATA': {
        const reaction = this.#answer('DATA', line, '354 go on');
        this.#inMessage = reaction.startsWith('354');
        this.#react(reaction);
        if (this.#script.stopsReading) {
          this.#socket.pause();
          this.#session.silent = true;
        }
        return;
      }
      case 'BDAT':
        this.#chunk = { size: Number(line.split(' ')[1]), line };
        return;
      case 'STARTTLS': {
        const reaction = this.#script.STARTTLS ?? '220 go on';
        this.#react(reaction);
        if (reaction.startsWith('220') && !reaction.includes('\n')) this.#startTls();
        return;
      }
      case 'QUIT':
        this.#react(this.#script.QUIT ?? '221 bye');
        this.#socket.end();
        return;
      default:
        this.#react(this.#answer(word as 'MAIL', line, '250 ok'));
    }
  }

  #hello(): string {
    const offersTls = this.#script.tls !== undefined || this.#script.STARTTLS !== undefined;
    const keywords = [...(this.#script.keywords ?? DEFAULT_KEYWORDS)];
    if (offersTls && !this.#session.secure) keywords.push('STARTTLS');
    const lines = ['hop.example', ...keywords];
    return lines.map((text, index) => `250${index === lines.length - 1 ? ' ' : '-'}${text}`).join('\r\n');
  }

  #answer(
    word: 'AUTH' | 'MAIL' | 'RCPT' | 'DATA' | 'BDAT' | 'message',
    line: string,
    otherwise: string,
  ): Reaction {
    const turn = this.#turns.get(word) ?? 0;
    this.#turns.set(word, turn + 1);
    const answers = this.#script[word];
    if (typeof answers === 'function') return answers(line);
    if (typeof answers === 'object') return answers[Math.min(turn, answers.length - 1)] ?? otherwise;
    return answers ?? otherwise;
  }

  #react(reaction: Reaction): void {
    if (reaction === 'DROP') this.drop();
    else if (reaction === 'SILENCE') this.#session.silent = true;
    else if (this.#session.silent) this.#unsaid.push(`${reaction}\r\n`);
    else this.#socket.write(`${reaction}\r\n`);
  }

  #startTls(): void {
    const { tls } = this.#script;
    if (tls === undefined) return;
    this.#clear.removeAllListeners('data');
    const secure = new TLSSocket(this.#clear, { isServer: true, secureContext: createSecureContext(tls) });
    this.#socket = secure;
    this.#session.secure = true;
    secure.once('secure', () => {
      // Node says false where none was named.
      this.#session.serverName = (secure as { servername?: string | false }).servername || undefined;
    });
    this.#listen(secure);
  }
}
