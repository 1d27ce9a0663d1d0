/** The files' side of a comparison: has the event files of a run read again, up to their watermarks. */
import { readdir } from 'node:fs/promises';
import { closeSync, inTime, readSync } from '../calls/index.ts';
import { isCompanion, isEventFileName } from '../discover/index.ts';
import type { Batch, FileState, RunRef, Series } from '../model/index.ts';
import type { FileOutcome, PatientReader, ReadEvent } from '../reading/index.ts';
import { openFile } from '../tail/index.ts';
import { type Directory, fullPath, lookAt } from '../untrusted/index.ts';
import { type FileFacts, rangesOf, type Unjudged } from './compare/index.ts';

/**
 * The event files of one run, up to their watermarks. They can be read several times. The reader's thread does that,
 * because a hanging file must not block this one.
 */
export class ReadRunFiles {
  readonly #run: RunRef;
  readonly #directory: Directory;
  readonly #states: readonly FileState[];
  readonly #facts: ReadonlyMap<string, FileFacts>;
  readonly #known: readonly Series[];
  readonly #reader: PatientReader;
  #catalogue: Series[] = [];

  constructor(
    { run, directory }: { readonly run: RunRef; readonly directory: Directory },
    states: readonly FileState[],
    facts: ReadonlyMap<string, FileFacts>,
    series: readonly Series[],
    reader: PatientReader,
  ) {
    this.#run = run;
    this.#directory = directory;
    this.#states = states;
    this.#facts = facts;
    // Uses its own numbers: otherwise, in a store that lost rows, one series could be taken for another.
    this.#known = series.map((facts_, id) => ({ ...facts_, id }));
    this.#reader = reader;
  }

  /** The lane's series, followed by those that only the files have. */
  get catalogue(): readonly Series[] {
    return this.#catalogue;
  }

  /** Reads every valid record before the watermarks that is not pending. Notes in the facts what cannot be read. */
  async *batches(): AsyncGenerator<Batch, void, void> {
    this.#catalogue = [...this.#known];
    const again = this.#states.flatMap((state) => {
      const facts = this.#facts.get(state.name);
      if (facts === undefined || facts.unjudged !== undefined) return [];
      facts.lost.length = 0;
      return [{ state, ranges: rangesOf(facts) }];
    });
    if (again.length === 0) return;
    this.#reader.request([{ run: this.#run, directory: this.#directory, files: [], again, series: this.#known, settled: true }]);
    const groups = this.#reader.events();
    try {
      for (let next = await groups.next(); next.done !== true; next = await groups.next()) {
        for (const event of next.value.events) {
          if (event.kind === 'batch') {
            for (const series of event.batch.newSeries) this.#catalogue[series.id] = series;
            yield event.batch;
          } else this.#note(event);
        }
        next.value.release();
      }
    } finally {
      // A caller that has seen enough leaves the rest of the answers: the next request must not get them.
      for (let next = await groups.next(); next.done !== true; next = await groups.next()) next.value.release();
    }
  }

  #note(event: Exclude<ReadEvent, { kind: 'batch' }>): void {
    const facts = event.kind === 'file' ? this.#facts.get(event.file) : undefined;
    if (event.kind !== 'file' || facts === undefined) return;
    facts.unjudged = UNJUDGED[event.outcome];
    if (event.reason !== undefined) facts.reason = event.reason;
    for (const lost of event.lost ?? []) facts.lost.push(lost);
  }
}

const UNJUDGED: Readonly<Record<FileOutcome, Unjudged | undefined>> = {
  read: undefined,
  vanished: 'gone',
  shortened: 'stale',
  replaced: 'stale',
  unreadable: 'unreadable',
  silent: 'unreadable',
};

/** Returns the state of a file that a lane has not read: nothing is known of it, so it accepts any bytes. */
function unread(name: string): FileState {
  const guard = { first: undefined, last: undefined };
  return { name, generation: 0, position: { watermark: 0, gaps: [] }, guard, damage: [], size: 0, stamp: '', records: 0 };
}

/** Returns all of a run's files as they are now, up to their ends. Leaves out those that cannot be compared. */
export async function wholeFiles(directory: Directory, states: readonly FileState[]): Promise<FileState[]> {
  const known = new Map(states.map((state) => [state.name, state]));
  const names = new Set([...known.keys(), ...(await filesIn(directory))]);
  const files: FileState[] = [];
  for (const name of [...names].sort()) {
    const found = await lookAt(directory, name).catch(() => undefined); // it is read next: that says what is wrong
    const size = found?.kind === 'file' ? found.bytes : 0;
    files.push({ ...(known.get(name) ?? unread(name)), position: { watermark: size, gaps: [] } });
  }
  return files;
}

async function filesIn(directory: Directory): Promise<string[]> {
  const path = fullPath(directory);
  try {
    const names = new Set((await inTime(path, () => readdir(path))).filter(isEventFileName));
    return [...names].filter((name) => !isCompanion(name, (other) => names.has(other)));
  } catch {
    return []; // The directory is gone; that was reported when the run was read.
  }
}

/**
 * Returns the end of the record at an offset of a file. A record consists of its length, a checksum of the length,
 * that many bytes, and their checksum.
 */
export function recordEnd(directory: Directory, name: string, offset: number): number {
  const { fd } = openFile(directory, name);
  try {
    const length = new DataView(new ArrayBuffer(8));
    readSync(fd, length, 0, 8, offset);
    return offset + 16 + Number(length.getBigUint64(0, true));
  } finally {
    closeSync(fd);
  }
}
