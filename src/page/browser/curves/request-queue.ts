/** Lets only a few requests run at once: the server answers one question after the other. */

/** The most requests at once. */
const MOST_REQUESTS = 4;

let running = 0;
const waiting: (() => void)[] = [];

/** Runs a request when there is room. Throws what the signal says if it was aborted before. */
export async function inTurn<Answer>(signal: AbortSignal, request: () => Promise<Answer>): Promise<Answer> {
  while (running >= MOST_REQUESTS) {
    await new Promise<void>((resolve) => waiting.push(resolve));
  }
  try {
    running++;
    // A chart that was scrolled away meanwhile must cost nothing.
    signal.throwIfAborted();
    return await request();
  } finally {
    running--;
    waiting.shift()?.();
  }
}
