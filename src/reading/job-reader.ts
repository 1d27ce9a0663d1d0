/** Reads pieces of runs for lanes, one after the other, in a reader's thread of its own: what is asked for is small, so nobody waits long. */
import type { ReadEvent, RunJob } from './reader.ts';
import { ReaderThread } from './reader-thread.ts';

export class JobReader {
  #thread: ReaderThread | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** Everything a job brings; `mostBytes` of the job bounds it. */
  read(job: RunJob): Promise<readonly ReadEvent[]> {
    const read = this.#last.then(() => this.#read(job));
    // A reading that failed is its caller's; the next one begins all the same.
    this.#last = read.catch(() => undefined);
    return read;
  }

  async #read(job: RunJob): Promise<readonly ReadEvent[]> {
    this.#thread ??= new ReaderThread();
    this.#thread.request([job]);
    const events: ReadEvent[] = [];
    for await (const group of this.#thread.events()) {
      for (const event of group.events) events.push(event);
      // Held by the caller from now on, who bounds it.
      group.release();
    }
    return events;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#thread?.close();
  }
}
