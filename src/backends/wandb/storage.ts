import type { RunEnd } from '../../contract/index.ts';
import type { WandbFailure, WandbReply } from './answers.ts';
import type { RunUpdate } from './client.ts';
import type { LostFile } from './file-transfer.ts';
import type { StoredFile } from './map.ts';
import type { RunConfig } from './run-config.ts';
import type { RunPath } from './run-path.ts';

/** Texts of the last values, by key. */
export type Summary = ReadonlyMap<string, string>;

/** The storage of one tracker run's lines: the server, or a folder. */
export interface RunStorage {
  readonly path: RunPath;
  readonly config: RunConfig;
  /** The known last values. */
  readonly summary: Summary;
  /**
   * Returns the number of stored lines; undefined: the run no longer exists. The server's count may be late. `hoped`:
   * if the server counts fewer lines, this counts the lines themselves, if they can be read.
   */
  lineCount(hoped: number, signal: AbortSignal): Promise<WandbReply<number | undefined>>;
  /** True if lines at an offset replace the existing ones: sending the same lines again is harmless. */
  readonly replaces: boolean;
  /** Notes that the lines up to this one are elsewhere. Missing: this storage must have all lines. */
  skipTo?(line: number): WandbFailure | undefined;
  /** Stores lines from an offset on. Returns the failure, if any; some of the lines may be stored nevertheless. */
  append(firstLine: number, lines: readonly string[], summary: Summary, signal: AbortSignal): Promise<WandbFailure | undefined>;
  /** Returns the last line, if it is known without reading all. */
  lastRow(signal: AbortSignal): Promise<WandbReply<string | undefined>>;
  /** Yields the stored lines of a range, in their order. */
  readLines(from: number, to: number, signal: AbortSignal): AsyncGenerator<string, void, void>;
  /** Stores files. `lost` is called for each file that cannot be stored, with the reason; the others continue. */
  putFiles(files: readonly StoredFile[], signal: AbortSignal, lost?: LostFile): Promise<WandbFailure | undefined>;
  /** True if this storage has the whole run. False for a folder if a part of the run went to the server. */
  readonly isWhole: boolean;
  fileLengths(signal: AbortSignal): Promise<WandbReply<ReadonlyMap<string, number>>>;
  readFile(name: string, signal: AbortSignal): Promise<WandbReply<Buffer | undefined>>;
  /** Stores the current configuration, and the other changes. */
  save(change: Omit<RunUpdate, 'config'>, signal: AbortSignal): Promise<WandbFailure | undefined>;
  finish(end: RunEnd | undefined, signal: AbortSignal): Promise<WandbFailure | undefined>;
  remove(signal: AbortSignal): Promise<WandbFailure | undefined>;
  /** True if the run needs a heartbeat. */
  readonly isBeatDue: boolean;
  /** The time of its last event, by the event's own clock; 0 if that means nothing. */
  readonly lastEventMs: number;
  /** Sends a heartbeat. */
  beat(signal: AbortSignal): Promise<void>;
  /** Stores everything that is only in memory. */
  flush(signal: AbortSignal): Promise<void>;
  readonly link: string | undefined;
}

/** All runs of a server, or of a folder. */
export interface Storage {
  find(path: RunPath, signal: AbortSignal): Promise<WandbReply<RunStorage | undefined>>;
  /** Creates a run. `isNew`: no other process created it meanwhile. */
  create(
    path: RunPath,
    config: RunConfig,
    change: RunUpdate,
    startedAt: number,
    signal: AbortSignal,
  ): Promise<WandbReply<{ readonly storage: RunStorage; readonly isNew: boolean }>>;
  close(): Promise<void>;
}
