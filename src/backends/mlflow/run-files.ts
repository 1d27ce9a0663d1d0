/** The files of a run: files of exact points, texts, the files of points, and the metadata of series. */

import { cutLines, type ExactLine } from '../../backend-kit/exact-points/index.ts';
import { Stop } from '../../backend-kit/failures/index.ts';
import { inParts, type Job } from '../../backend-kit/sending/index.ts';
import { each } from '../../concurrency/index.ts';
import type { BackendContext, TrackerParcel } from '../../contract/index.ts';
import type { Batch } from '../../model/index.ts';
import { type MlflowFailure, stopOf, troubleOf } from './answers.ts';
import type { Artifacts } from './artifacts.ts';
import { exactFileOf, exactFilesOf } from './exact-files.ts';
import { Gathered, type GatherRoom } from './gathered.ts';
import { UPLOADS_AT_ONCE } from './limits.ts';
import { notesPath, notesText } from './map.ts';
import { refusePoint } from './metric-batches.ts';
import type { PreparedMetrics } from './prepare.ts';
import { SERIES_FILE, SeriesFile } from './series-file.ts';
import { tryFile } from './trial.ts';

/** Bytes up to which a file of exact points takes in more lines, and a file of texts more texts. */
const EXACT_FILE_BYTES = 256 * 1024;
const NOTES_BYTES = 64 * 1024;

/** The options of `FileWriter`. */
export interface RunFilesOptions {
  readonly artifacts: Artifacts;
  /** The run's folder behind the artifact proxy. */
  readonly root: string;
  /** True if the run holds nothing yet. */
  readonly isNew: boolean;
  readonly room: GatherRoom;
  readonly warn: BackendContext['warn'];
}

/** The writer of one run's files. */
export class FileWriter {
  readonly #artifacts: Artifacts;
  readonly #root: string;
  readonly #warn: BackendContext['warn'];
  /** Lines that were stored last, by their event files. `#notes` holds texts by their tags. */
  readonly #exactLines: Gathered<ExactLine>;
  readonly #notes: Gathered<PreparedMetrics['notes'][number]>;
  readonly #series: SeriesFile;
  /** True if the server does not let mirrorboard remove files. */
  #keepsAll = false;
  /** The server's reason if it stores no files. */
  #notServed: MlflowFailure | undefined;

  constructor({ artifacts, root, isNew, room, warn }: RunFilesOptions) {
    this.#artifacts = artifacts;
    this.#root = root;
    this.#warn = warn;
    this.#exactLines = new Gathered(room, EXACT_FILE_BYTES);
    this.#notes = new Gathered(room, NOTES_BYTES);
    this.#series = new SeriesFile(artifacts, root, isNew);
  }

  /** Stores all files of a parcel before its metrics, so that there is no metric for a point that is not stored. */
  async store(job: Job<PreparedMetrics>, signal: AbortSignal): Promise<void> {
    const { prepared, parcel } = job;
    await this.#storeSeries(parcel, signal);
    if (prepared.lines.length === 0) return;
    await each(prepared.uploads, UPLOADS_AT_ONCE, async ({ path, data, isNeeded, ...point }) => {
      const failure = await this.#put(path, data, signal);
      if (failure === undefined) return;
      if (isNeeded) refusePoint(job, point, failure);
      else
        this.#warn('a file for display could not be stored; its point is stored exactly elsewhere', {
          path,
          reason: failure.error.message,
        });
    });
    await this.#removeObsolete(signal);
    await this.#storeNotes(prepared, signal);
    await this.#storeLines(
      job,
      prepared.lines.filter((line) => !job.isRefused(line)),
      signal,
    );
    for (const metric of prepared.metrics) if (job.isRefused(metric)) metric.isSettled = true;
  }

  /** Removes what is left of former files and frees the memory, when nothing more is expected for now. */
  async rest(signal: AbortSignal): Promise<void> {
    await this.#removeObsolete(signal);
    this.#exactLines.forgetAll();
    this.#notes.forgetAll();
  }

  /**
   * Stores a file of a few bytes. Returns the failure if the server does not accept it. It is no failure if a server
   * stores no files.
   */
  async tryOut(signal: AbortSignal): Promise<MlflowFailure | undefined> {
    if (this.#notServed !== undefined) return undefined;
    const failure = await tryFile(this.#artifacts, this.#root, signal);
    return failure?.cause === 'notServed' ? undefined : failure;
  }

  /** Stores the lines of a parcel. If they are few, they go into one file with those before them. */
  async #storeLines(job: Job<PreparedMetrics>, lines: readonly ExactLine[], signal: AbortSignal): Promise<void> {
    const { run, file } = job.parcel.batch;
    const source = `${run.path}\n${file}`;
    const joined = this.#exactLines.join(source, lines);
    if (joined === undefined) return;
    const [first, ...more] = exactFilesOf(run, file, joined.pieces);
    if (first === undefined || (more.length > 0 && joined.absorbed.length === 0)) {
      this.#exactLines.forget(source);
      await each(exactFilesOf(run, file, lines), UPLOADS_AT_ONCE, async (own) => void (await this.#putExactFile(job, own.lines, signal)));
      return;
    }
    if (joined.absorbed.length > 0) {
      const failure = await this.#put(first.path, first.data, signal);
      if (failure === undefined) {
        this.#exactLines.stored(source, first.path, joined);
        return;
      }
      // The joined file was refused, maybe as too large: store the new lines alone.
      this.#exactLines.forget(source);
    }
    for (const own of exactFilesOf(run, file, lines)) {
      const isWhole = await this.#putExactFile(job, own.lines, signal);
      if (isWhole && own.lines.length === lines.length) this.#exactLines.stored(source, own.path, { pieces: lines, absorbed: [] });
    }
  }

  /** Stores lines in one file, or in parts if the server refuses it. True if one file holds all lines. */
  async #putExactFile(job: Job<PreparedMetrics>, all: readonly ExactLine[], signal: AbortSignal): Promise<boolean> {
    const { run, file }: Batch = job.parcel.batch;
    let isWhole = true;
    await inParts<ExactLine, MlflowFailure>(all, {
      send: async (lines) => {
        const { path, data } = exactFileOf(run, file, lines);
        const failure = await this.#put(path, data, signal);
        isWhole &&= failure === undefined;
        return failure;
      },
      alone: (line, failure) => {
        if (!line.isMark) refusePoint(job, line, failure);
        else this.#warn('an event without a value could not be stored', { offset: line.offset, reason: failure.error.message });
      },
    });
    return isWhole;
  }

  /** Stores texts for people: consecutive texts of a tag are in one file. */
  async #storeNotes({ notes }: PreparedMetrics, signal: AbortSignal): Promise<void> {
    for (const [name, own] of Map.groupBy(notes, (note) => note.name)) {
      for (const some of cutLines(own, NOTES_BYTES)) {
        const joined = this.#notes.join(name, some);
        if (joined === undefined) continue;
        const path = notesPath(joined.pieces);
        const failure = await this.#put(path, Buffer.from(notesText(joined.pieces)), signal);
        if (failure === undefined) this.#notes.stored(name, path, joined);
        else
          this.#warn('a file for display could not be stored; its texts are stored exactly elsewhere', {
            path,
            reason: failure.error.message,
          });
      }
    }
  }

  /**
   * Removes files whose content is in other files. If the server refuses that, they stay, and mirrorboard joins no
   * more files.
   */
  async #removeObsolete(signal: AbortSignal): Promise<void> {
    const paths = [...this.#exactLines.takeObsolete(), ...this.#notes.takeObsolete()];
    await each(paths, UPLOADS_AT_ONCE, async (path) => {
      const failure = this.#keepsAll ? undefined : await this.#artifacts.remove(this.#root, path, signal);
      if (failure !== undefined && failure.error.retry === 'never') this.#keepsAll = true;
    });
    if (!this.#keepsAll) return;
    this.#exactLines.forgetAll();
    this.#notes.forgetAll();
  }

  async #storeSeries({ batch, series }: TrackerParcel, signal: AbortSignal): Promise<void> {
    const data = await this.#series.with(batch, series, signal);
    if (data === undefined) return;
    try {
      const failure = await this.#put(SERIES_FILE, data, signal);
      if (failure !== undefined) this.#warn('the metadata of series could not be stored', { reason: failure.error.message });
    } catch (error) {
      this.#series.doubt();
      throw error;
    }
  }

  /** Stores a file. Returns lasting failures; all others stop the run for now. */
  async #put(path: string, data: Uint8Array, signal: AbortSignal): Promise<MlflowFailure | undefined> {
    if (this.#notServed !== undefined) return this.#notServed;
    const failure = await this.#artifacts.put(this.#root, path, data, signal);
    if (failure?.cause === 'notServed') this.#notServed = failure;
    return failure === undefined || failure.cause === 'notServed' ? failure : this.#checked(failure, signal);
  }

  async #checked(failure: MlflowFailure, signal: AbortSignal): Promise<MlflowFailure> {
    // The server always answers 500 to a name that is too long, and to a file at the place of a folder; the second
    // try was made already. But a file store that is away refuses every file.
    const mayBeAbout = failure.cause === 'refused' || failure.cause === 'tooMuch' || failure.cause === 'internal';
    if (!mayBeAbout) throw stopOf(failure);
    const other = await tryFile(this.#artifacts, this.#root, signal);
    if (other !== undefined) throw new Stop({ kind: 'retry', error: troubleOf(failure) });
    return failure;
  }
}
