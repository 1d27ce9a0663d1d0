import type { Batch, Damage, FileState, RunRef, Series, WrittenPoint } from '../model/index.ts';
import type { Directory } from '../untrusted/index.ts';

/** `silent`: its file system does not answer; nothing is known of it until it does. */
export type FileOutcome = 'read' | 'shortened' | 'replaced' | 'vanished' | 'unreadable' | 'silent';

/** Bytes that were read once and cannot be read now. */
export type Lost = Pick<Damage, 'start' | 'end' | 'reason'>;

/** What reading a run brings, in order. */
export type ReadEvent =
  /** Points, and the file's state once they are settled. */
  | { readonly kind: 'batch'; readonly batch: Batch; readonly state: FileState }
  | {
      readonly kind: 'file';
      readonly run: RunRef;
      readonly file: string;
      readonly outcome: FileOutcome;
      readonly size: number;
      readonly reason?: string;
      /** Of a file that was read once more: what of it could not be. */
      readonly lost?: readonly Lost[];
    }
  /**
   * A file holds a beginning of what was read, as far as its marks tell; these are the points of its last record.
   * Comes behind its batch.
   */
  | { readonly kind: 'cutShort'; readonly run: RunRef; readonly file: string; readonly last: readonly WrittenPoint[] }
  /** So many bytes after the last batch were searched, without a record so far. */
  | { readonly kind: 'searched'; readonly run: RunRef; readonly file: string; readonly bytes: number }
  /** `hasMore`: the bytes allowed were used up before the files were at their end. */
  | { readonly kind: 'runDone'; readonly run: RunRef; readonly hasMore: boolean };

/** What is to be read of a run. */
export interface RunJob {
  readonly run: RunRef;
  /** Where the run's directory is now. */
  readonly directory: Directory;
  /** In the order in which they are read; with what is known of them, if no session knows it. */
  readonly files: readonly {
    readonly name: string;
    readonly state?: FileState;
    /**
     * The file is shorter, and other records follow its beginning: the lane that keeps the points reports it
     * (`cutShort`).
     */
    readonly isOther?: boolean;
  }[];
  /** Instead of `files`: what was read before is read once more, and nothing else. */
  readonly again?: readonly ReadBefore[];
  /** What is known of any files of the run, for a session that begins. */
  readonly known?: readonly FileState[];
  /** The run's catalogue so far; a session that was kept has its own. */
  readonly series: readonly Series[];
  /** Nobody waits for the rest of an incomplete record: look for valid ones inside it. */
  readonly settled: boolean;
  /** Try bytes again that could not be read. Default true. */
  readonly retriesGaps?: boolean;
  /**
   * Small gaps that are read again may come as one batch, which has nothing of what lies between them. Default false.
   */
  readonly joinsGaps?: boolean;
  /** Stop behind the batch that brings the bytes read to so many, and say that there is more. Default: no end. */
  readonly mostBytes?: number;
  /** Points of a batch, at most, but for those of one record. Default: what suits a store on disk. */
  readonly batchPoints?: number;
}

/** A file of a job that is read once more: its state, and the bytes before its watermark that are asked for. */
export interface ReadBefore {
  readonly state: FileState;
  readonly ranges: readonly { readonly start: number; readonly end: number }[];
}
