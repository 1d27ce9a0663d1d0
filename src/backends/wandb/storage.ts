import type { RunEnd } from '../../contract/index.ts';
import type { WandbFailure, WandbReply } from './answers.ts';
import type { RunUpdate } from './client.ts';
import type { LostFile } from './file-transfer.ts';
import type { StoredFile } from './map.ts';
import type { RunConfig } from './run-config.ts';
import type { RunPath } from './run-path.ts';

/** Texts of the last values, by key. */
export type Summary = ReadonlyMap<string, string>;

/** Where the lines of one tracker run are kept: at the server, or in a folder. */
export interface RunStorage {
  readonly path: RunPath;
  readonly config: RunConfig;
  /** What is known of the last values. */
  readonly summary: Summary;
  /**
   * Lines that are there; undefined: the run is not there any more. What the server says may be late. `hoped`: where
   * it counts fewer, the lines themselves are checked, if they can be had.
   */
  lineCount(hoped: number, signal: AbortSignal): Promise<WandbReply<number | undefined>>;
  /** Whether lines at an offset replace those that are there: sending the same again is harmless. */
  readonly replaces: boolean;
  /** Where lines can be kept apart: says that those up to this one are elsewhere. Missing: they must be here. */
  skipTo?(line: number): WandbFailure | undefined;
  /** Stores lines from an offset on. Returns what was in the way; some of them may be stored nevertheless. */
  append(firstLine: number, lines: readonly string[], summary: Summary, signal: AbortSignal): Promise<WandbFailure | undefined>;
  /** The last line, where it is known without reading all. */
  lastRow(signal: AbortSignal): Promise<WandbReply<string | undefined>>;
  /** Lines of a range, in their order, as they are there. */
  readLines(from: number, to: number, signal: AbortSignal): AsyncGenerator<string, void, void>;
  /** `lost` hears of a file that cannot be stored, and why: the others continue. */
  putFiles(files: readonly StoredFile[], signal: AbortSignal, lost?: LostFile): Promise<WandbFailure | undefined>;
  /** True if this storage has the whole run. False for a folder if a part of the run went to the server. */
  readonly isWhole: boolean;
  fileLengths(signal: AbortSignal): Promise<WandbReply<ReadonlyMap<string, number>>>;
  readFile(name: string, signal: AbortSignal): Promise<WandbReply<Buffer | undefined>>;
  /** Stores the configuration as it is now, and whatever else changed. */
  save(change: Omit<RunUpdate, 'config'>, signal: AbortSignal): Promise<WandbFailure | undefined>;
  finish(end: RunEnd | undefined, signal: AbortSignal): Promise<WandbFailure | undefined>;
  remove(signal: AbortSignal): Promise<WandbFailure | undefined>;
  /** Whether it must hear from us. */
  readonly isBeatDue: boolean;
  /** When its last event was, by the event's own time; 0 if that tells nothing. */
  readonly lastEventMs: number;
  /** A sign of life. */
  beat(signal: AbortSignal): Promise<void>;
  /** Stores what is only in memory. */
  flush(signal: AbortSignal): Promise<void>;
  readonly link: string | undefined;
}

/** All runs of a server, or of a folder. */
export interface Storage {
  find(path: RunPath, signal: AbortSignal): Promise<WandbReply<RunStorage | undefined>>;
  /** Makes a run. `isNew`: nobody else did so meanwhile. */
  create(
    path: RunPath,
    config: RunConfig,
    change: RunUpdate,
    startedAt: number,
    signal: AbortSignal,
  ): Promise<WandbReply<{ readonly storage: RunStorage; readonly isNew: boolean }>>;
  close(): Promise<void>;
}
