/** Bounds the memory of answers that clients do not take. */
import type { FastifyReply } from 'fastify';
import { Refusal } from './problem.ts';

/** The most characters of all answers together that wait for their clients; one answer may have more. */
const MOST_UNSENT = 64 * 1024 * 1024;

/** The answers that are on their way to clients. */
export class UnsentAnswers {
  #length = 0;

  /** Counts an answer until its connection has taken it, or is closed. Throws MB5005 if too many wait. */
  add(text: string, reply: FastifyReply): void {
    if (this.#length > 0 && this.#length + text.length > MOST_UNSENT) {
      throw new Refusal(503, 'MB5005', 'too many answers wait for clients that do not read them', {
        hint: 'Retry in a second, or ask for less: with width, or for fewer runs.',
        headers: { 'retry-after': '1' },
        retry: 'later',
      });
    }
    this.#length += text.length;
    reply.raw.once('close', () => {
      this.#length -= text.length;
    });
  }
}
