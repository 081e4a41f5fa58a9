// Asks for a secret: in a terminal without showing it, else the first line of standard input.

import type { ReadStream } from 'node:tty';

/** What may come as one line. */
const MAX_LENGTH = 4096;

/**
 * @param again the prompt of a second asking in a terminal, which must bring the same
 * Rejects when the input ends, is not the same twice, or was interrupted.
 */
export async function askSecret(
  input: NodeJS.ReadStream,
  output: NodeJS.WriteStream,
  prompt: string,
  again?: string,
): Promise<string> {
  if (!input.isTTY) return firstLine(input);
  const secret = await hidden(input, output, prompt);
  if (again !== undefined && (await hidden(input, output, again)) !== secret)
    throw new Error('the two passwords differ');
  return secret;
}

async function firstLine(input: NodeJS.ReadStream): Promise<string> {
  let text = '';
  for await (const chunk of input.setEncoding('utf8')) {
    text += chunk;
    if (text.includes('\n') || text.length > MAX_LENGTH) break;
  }
  return withinLength(text.split('\n', 1)[0]?.replace(/\r$/, '') ?? '');
}

function withinLength(text: string): string {
  if (text.length > MAX_LENGTH) throw new Error(`a password has at most ${MAX_LENGTH} characters`);
  return text;
}

function hidden(input: ReadStream, output: NodeJS.WriteStream, prompt: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const finish = (act: () => void): void => {
      input.off('data', take);
      input.setRawMode(false);
      input.pause();
      output.write('\n');
      act();
    };
    const take = (chunk: string): void => {
      for (const character of chunk) {
        if (character === '\r' || character === '\n' || character === '\u0004') {
          finish(() => resolve(text));
          return;
        }
        if (character === '\u0003') {
          finish(() => reject(new Error('interrupted')));
          return;
        }
        if (character === '\u007f' || character === '\b') text = [...text].slice(0, -1).join('');
        else if (text.length < MAX_LENGTH) text += character;
      }
    };
    output.write(prompt);
    input.setEncoding('utf8');
    input.setRawMode(true);
    input.on('data', take);
    input.resume();
  });
}
