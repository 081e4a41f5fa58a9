// The client's side of a dialogue with bytes of any kind, cut anywhere.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SmtpDialogue } from '../../src/smtp/dialogue.ts';
import type { DialogueStep } from '../../src/smtp/dialogue-steps.ts';
import { envelope, octets, Talk } from './dialogue-driver.ts';

describe('any bytes', () => {
  const WHOLE =
    '220-hi\r\n220 mx\r\n250-b\r\n250-PIPELINING\r\n250 STARTTLS\r\n220 go\r\n' +
    '250-b\r\n250 PIPELINING\r\n250 ok\r\n250 ok\r\n550-no\r\n550 5.1.1 no\r\n354 go\r\n250 2.0.0 done\r\n221 bye\r\n';

  /** Plays the driver: does at once what each step asks for. */
  function drive(pieces: readonly Uint8Array[]): DialogueStep[] {
    const dialogue = new SmtpDialogue('mx.a.example');
    const all: DialogueStep[] = [...dialogue.begin()];
    let secure = false;
    let sent = false;
    const react = (step: DialogueStep): DialogueStep[] => {
      if (step.do === 'start-tls') return [];
      if (step.do === 'send-body') return dialogue.bodySent();
      if (step.do !== 'ready' && step.do !== 'result') return [];
      if (!dialogue.isReady) return [];
      if (!secure && step.do === 'ready' && step.offer.startTls) return dialogue.startTls();
      if (sent) return dialogue.quit();
      sent = true;
      return dialogue.send(envelope({}, 'b@b.example', 'c@b.example'));
    };
    const run = (steps: DialogueStep[]): void => {
      for (const step of steps) {
        all.push(step);
        run(react(step));
      }
    };
    for (const piece of pieces) {
      run(dialogue.receive(piece));
      if (!secure && all.at(-1)?.do === 'start-tls') {
        secure = true;
        run(dialogue.secured());
      }
    }
    return all;
  }

  function cut(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
    const places = [...new Set([0, ...at.map((place) => place % (bytes.length + 1)), bytes.length])].sort(
      (a, b) => a - b,
    );
    return places.slice(1).map((place, index) => bytes.subarray(places[index], place));
  }

  it('give the same steps however they are cut', () => {
    // A client that waits hears each reply by itself: the replies that a step calls for come after that step.
    const replies = WHOLE.split(/(?<=^\d{3} .*\r\n)/m);
    const expected = drive(replies.map(octets));
    assert.equal(expected.at(-1)?.do, 'closed');
    fc.assert(
      fc.property(fc.array(fc.nat()), (at) => {
        assert.deepEqual(drive(replies.flatMap((reply) => cut(octets(reply), at))), expected);
      }),
      { numRuns: 200 },
    );
  });

  it('give the same steps however they are cut, good or bad, in a burst too', () => {
    const line = fc.constantFrom(
      '250 ok',
      '250-x',
      '354 go',
      '550 5.1.1 no',
      '421 bye',
      '220 hi',
      '503',
      'nonsense',
      '250-a\r\n250 b',
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), fc.array(fc.nat()), (lines, at) => {
        const bytes = octets(lines.map((text) => `${text}\r\n`).join(''));
        const heard = (pieces: readonly Uint8Array[]): DialogueStep[] => {
          const talk = new Talk().ready('PIPELINING').send(envelope({}, 'b@b.example', 'c@b.example'));
          for (const piece of pieces) talk.take(talk.dialogue.receive(piece));
          return talk.steps;
        };
        assert.deepEqual(heard(cut(bytes, at)), heard([bytes]));
      }),
      { numRuns: 1000 },
    );
  });

  it('behind STARTTLS give the same steps however they are cut', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), fc.array(fc.nat()), (behind, at) => {
        const bytes = Uint8Array.from([...octets('220-a\r\n220 go\r\n'), ...behind]);
        const heard = (pieces: readonly Uint8Array[]): DialogueStep[] => {
          const talk = new Talk().ready('STARTTLS');
          talk.take(talk.dialogue.startTls());
          for (const piece of pieces) talk.take(talk.dialogue.receive(piece));
          return talk.steps;
        };
        assert.deepEqual(heard(cut(bytes, at)), heard([bytes]));
      }),
    );
  });

  it('never make it throw', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (pieces) => {
        const talk = new Talk();
        for (const piece of pieces) talk.take(talk.dialogue.receive(piece));
        const busy = new Talk().ready('PIPELINING').send(envelope());
        for (const piece of pieces) busy.take(busy.dialogue.receive(piece));
      }),
      { numRuns: 5000 },
    );
  });
});
