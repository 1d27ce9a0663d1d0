/** Reads pieces of runs for lanes, of each root one after the other, in a thread of its own: what is asked for is small, so nobody waits long. */
import { MOST_READERS } from '../memory/index.ts';
import { PatientReader } from './patient-reader.ts';
import type { ReadEvent, RunJob } from './reader.ts';

/** What readers tell of roots that do not answer. */
export interface SilenceEvents {
  fellSilent(fact: { readonly root: string; readonly path: string; readonly sinceMs: number }): void;
  answersAgain(fact: { readonly root: string; readonly path: string }): void;
}

interface Line {
  readonly reader: PatientReader;
  last: Promise<unknown>;
}

export class JobReader {
  readonly #events: SilenceEvents | undefined;
  readonly #lines = new Map<number, Line>();
  readonly #places = new Map<string, number>();

  constructor(events?: SilenceEvents) {
    this.#events = events;
  }

  /** Everything a job brings; `mostBytes` of the job bounds it. */
  read(job: RunJob): Promise<readonly ReadEvent[]> {
    const line = this.#lineOf(job.run.root);
    const read = line.last.then(() => readAll(line.reader, job));
    // A reading that failed is its caller's; the next one begins all the same.
    line.last = read.catch(() => undefined);
    return read;
  }

  /** Who waits for what is read does so no longer for a call that does not come back. */
  stop(): void {
    for (const { reader } of this.#lines.values()) reader.stop();
  }

  async close(): Promise<void> {
    await Promise.all(
      [...this.#lines.values()].map(async ({ reader, last }) => {
        await last;
        await reader.close();
      }),
    );
  }

  #lineOf(root: string): Line {
    const place = this.#places.get(root) ?? this.#places.size % MOST_READERS;
    this.#places.set(root, place);
    let line = this.#lines.get(place);
    if (line === undefined) {
      const reader = new PatientReader({
        fellSilent: (path, sinceMs) => this.#events?.fellSilent({ root, path, sinceMs }),
        answersAgain: (path) => this.#events?.answersAgain({ root, path }),
      });
      line = { reader, last: Promise.resolve() };
      this.#lines.set(place, line);
    }
    return line;
  }
}

async function readAll(reader: PatientReader, job: RunJob): Promise<readonly ReadEvent[]> {
  reader.request([job]);
  const events: ReadEvent[] = [];
  for await (const group of reader.events()) {
    for (const event of group.events) events.push(event);
    // Held by the caller from now on, who bounds it.
    group.release();
  }
  return events;
}
