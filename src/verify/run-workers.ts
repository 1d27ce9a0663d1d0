/**
 * Compares runs of a local store in several threads at the same time, and gives the results in the order of the runs,
 * so that a report does not depend on the number of threads.
 */
import type { StoreOptions } from '../lanes/index.ts';
import { OrderedWorkers } from '../workers/index.ts';
import type { Difference, Sample } from './compare/index.ts';
import type { DifferencePiece, RunFindings, RunNote, RunSteps, RunWork } from './run-protocol.ts';
import type { VerifyLog } from './verify-log.ts';
import type { VerifiedRun } from './verify-scope.ts';

/** Pieces of differences that may wait to be taken: a run may have millions of differences. */
const PIECES_AHEAD = 2;

/** The options of the threads. */
export interface RunWorkersOptions {
  readonly store: StoreOptions;
  readonly sample: Sample | undefined;
  readonly signal: AbortSignal;
  /** The number of threads. */
  readonly jobs: number;
  /** The runs, in the order in which `compare` is called. */
  readonly runs: readonly VerifiedRun[];
  readonly log: VerifyLog;
  readonly onDifference?: ((difference: Difference) => void) | undefined;
}

/** Threads that compare runs. The caller closes them. */
export class RunWorkers {
  readonly #options: RunWorkersOptions;
  readonly #workers: OrderedWorkers<RunWork, VerifiedRun, DifferencePiece, RunFindings, RunNote>;

  constructor(options: RunWorkersOptions) {
    const { store, sample, signal, jobs, runs, log } = options;
    this.#options = options;
    this.#workers = new OrderedWorkers({
      module: new URL('./run-worker.js', import.meta.url),
      does: 'compares runs',
      data: { store, sample },
      jobs,
      tasks: runs,
      mostAhead: PIECES_AHEAD,
      signal,
      onNote: (note) => {
        if (note.kind === 'steps') this.#count(note.steps);
        else log.waitsFor(note.path, note.sinceMs);
      },
    });
  }

  /** Gives the result of the next run: reports its differences, and adds its findings to the log. Throws its error. */
  async compare(): Promise<void> {
    const { log, onDifference } = this.#options;
    const found = await this.#workers.next((differences) => {
      for (const difference of differences) onDifference?.(difference);
    });
    if (found === undefined) return;
    for (const verdict of found.verdicts) log.verdicts.push(verdict);
    for (const file of found.troubled) log.troubled.push(file);
    for (const path of found.damagedFiles) log.damagedFiles.push(path);
    for (const obstacle of found.obstacles) log.obstacles.push(obstacle);
  }

  close(): Promise<void> {
    return this.#workers.close();
  }

  #count({ points, records, bytes, files, damaged }: RunSteps): void {
    const { progress } = this.#options.log;
    progress.points += points;
    progress.records += records;
    progress.bytes.read += bytes;
    progress.files.done += files;
    progress.damaged += damaged;
  }
}
