/**
 * Reads pieces of runs for lanes in its own threads, one piece after the other for each root. Requests are small, so
 * they do not wait long.
 */
import { MOST_READERS } from '../memory/index.ts';
import { PatientReader, type PatientReaderOptions } from './patient-reader.ts';
import type { ReadEvent, RunJob } from './read-event.ts';

/** The events of roots that do not answer. */
interface SilenceEvents {
  fellSilent(fact: { readonly root: string; readonly path: string; readonly sinceMs: number }): void;
  /** `waiting`: the roots whose files were reported as silent; the root that hung need not be among them. */
  answersAgain(fact: { readonly root: string; readonly path: string; readonly waiting: ReadonlySet<string> }): void;
}

/** The required parts of a `PatientReader`. */
type Reader = Pick<PatientReader, 'events' | 'stop' | 'close'> & { request(jobs: readonly RunJob[]): unknown };

/** A reader with its queue; some roots share one. */
interface Line {
  readonly reader: Reader;
  last: Promise<unknown>;
  /** The root that is being read. */
  root: string;
  /** Paths that hang, and the roots that were being read then. */
  readonly hung: Map<string, string>;
  waiting: Set<string>;
}

/** Reads runs for trackers in a reader thread for each root, which is replaced if it hangs. */
export class JobReader {
  readonly #events: SilenceEvents | undefined;
  readonly #newReader: (options: PatientReaderOptions) => Reader;
  readonly #lines = new Map<number, Line>();
  readonly #places = new Map<string, number>();

  constructor(events?: SilenceEvents, newReader = (options: PatientReaderOptions): Reader => new PatientReader(options)) {
    this.#events = events;
    this.#newReader = newReader;
  }

  /** Returns everything that a job brings; the job's `mostBytes` limits it. */
  read(job: RunJob): Promise<readonly ReadEvent[]> {
    const { root } = job.run;
    const line = this.#lineOf(root);
    const read = line.last.then(() => {
      line.root = root;
      return readAll(line, job);
    });
    // A failed read is reported to its caller; the next one still begins.
    line.last = read.catch(() => undefined);
    return read;
  }

  /** Ends waiting for calls that do not return. */
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
    const line = this.#lines.get(place) ?? this.#newLine(root);
    this.#lines.set(place, line);
    return line;
  }

  #newLine(root: string): Line {
    const reader = this.#newReader({
      fellSilent: (path, sinceMs) => {
        line.hung.set(path, line.root);
        this.#events?.fellSilent({ root: line.root, path, sinceMs });
      },
      answersAgain: (path) => {
        const { waiting } = line;
        const hung = line.hung.get(path) ?? line.root;
        line.hung.delete(path);
        line.waiting = new Set();
        this.#events?.answersAgain({ root: hung, path, waiting });
      },
    });
    const line: Line = { reader, last: Promise.resolve(), root, hung: new Map(), waiting: new Set() };
    return line;
  }
}

async function readAll(line: Line, job: RunJob): Promise<readonly ReadEvent[]> {
  line.reader.request([job]);
  const events: ReadEvent[] = [];
  for await (const group of line.reader.events()) {
    for (const event of group.events) {
      events.push(event);
      if (event.kind === 'file' && event.outcome === 'silent') line.waiting.add(job.run.root);
    }
    // The caller holds the events from now on, and limits them.
    group.release();
  }
  return events;
}
