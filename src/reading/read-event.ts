import type { Batch, Damage, FileState, MarkKind, RunRef, Series, WrittenPoint } from '../model/index.ts';
import type { Directory } from '../untrusted/index.ts';

/**
 * The outcome of reading a file. `silent`: its file system does not answer, so nothing is known about the file until
 * it does.
 */
export type FileOutcome = 'read' | 'shortened' | 'replaced' | 'vanished' | 'unreadable' | 'silent';

/** Bytes that were read once and cannot be read now. */
export type Lost = Pick<Damage, 'start' | 'end' | 'reason'>;

/** The points of a series that were read since the last report. */
export interface PointCount {
  /** The id of the series in its run. */
  readonly series: number;
  points: number;
  firstStep: number | bigint;
  lastStep: number | bigint;
}

/** What was read of a file since the last report. */
export interface CountedPoints {
  readonly run: RunRef;
  readonly file: string;
  readonly state: FileState;
  readonly newSeries: readonly Series[];
  readonly counts: readonly PointCount[];
  readonly marks: ReadonlyMap<MarkKind, number>;
  /** The number of empty marks whose bytes are not those of an event at all. */
  readonly foreign: number;
}

/** An event of reading a run; they come in order. */
export type ReadEvent =
  /** Points, and the file's state once they are settled. */
  | { readonly kind: 'batch'; readonly batch: Batch; readonly state: FileState }
  /** For a job that `counts`: the sums of batches of one file. */
  | { readonly kind: 'counted'; readonly run: RunRef; readonly counted: CountedPoints }
  | {
      readonly kind: 'file';
      readonly run: RunRef;
      readonly file: string;
      readonly outcome: FileOutcome;
      readonly size: number;
      readonly reason?: string;
      /** For a file that was read again: the parts that could not be. */
      readonly lost?: readonly Lost[];
    }
  /**
   * A file holds a beginning of what was read, judging by its marks. `last`: the points of its last record. Comes
   * after its batch.
   */
  | { readonly kind: 'cutShort'; readonly run: RunRef; readonly file: string; readonly last: readonly WrittenPoint[] }
  /** Another file has this name than the one that was found, with other content: nothing was read. */
  | { readonly kind: 'otherFile'; readonly run: RunRef; readonly file: string }
  /** This many bytes after the last batch were searched, without a record so far. */
  | { readonly kind: 'searched'; readonly run: RunRef; readonly file: string; readonly bytes: number }
  /** `hasMore`: the allowed bytes were used up before the ends of the files. */
  | { readonly kind: 'runDone'; readonly run: RunRef; readonly hasMore: boolean };

/** The request to read a run. */
export interface RunJob {
  readonly run: RunRef;
  /** The present directory of the run. */
  readonly directory: Directory;
  /** The files in reading order. `state` is what is known of a file, if no session knows it. */
  readonly files: readonly {
    readonly name: string;
    readonly state?: FileState;
    /**
     * True if the file is shorter, and other records follow its beginning. The lane that keeps the points reports it
     * (`cutShort`).
     */
    readonly isOther?: boolean;
    /**
     * The inode of the file that was found under the name. If another file with other content has the name meanwhile,
     * it is not read (`otherFile`): it may be a known file that was moved. Default: whatever has the name is read.
     */
    readonly inode?: string;
  }[];
  /** Set instead of `files` to read again what was read before, and nothing else. */
  readonly again?: readonly ReadBefore[];
  /** The known state of any files of the run, for a new session. */
  readonly known?: readonly FileState[];
  /** The run's catalogue so far; a kept session has its own. */
  readonly series: readonly Series[];
  /** True if the rest of an incomplete record is not expected: then valid records inside it are searched. */
  readonly settled: boolean;
  /** True to retry bytes that could not be read. Default true. */
  readonly retriesGaps?: boolean;
  /**
   * True if small gaps that are read again may come as one batch, which has nothing of the bytes between them.
   * Default false.
   */
  readonly joinsGaps?: boolean;
  /** Stop after the batch with which this many bytes are read, and report that there is more. Default: no limit. */
  readonly mostBytes?: number;
  /** True to bring sums (`counted`) instead of points (`batch`). Default false. */
  readonly counts?: boolean;
  /** The largest number of points in a batch, unless a single record has more. Default: suits a store on disk. */
  readonly batchPoints?: number;
}

/** A file of a job that is read again: its state, and the requested bytes before its watermark. */
export interface ReadBefore {
  readonly state: FileState;
  readonly ranges: readonly { readonly start: number; readonly end: number }[];
}
