import { existsSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { MirrorError, messageOf } from '../errors.ts';
import type { StoreOptions } from '../lanes/index.ts';
import { flushFolder, makeOwnFolder, temporaryName } from '../own-files/index.ts';
import { realPath } from '../real-path.ts';
import { FileLock, StateFile } from '../state/index.ts';

/** The paths of a state and a store. */
export interface ShardFiles {
  readonly statePath: string;
  readonly store: StoreOptions;
}

/** The content of one shard's folder. */
export interface ShardFolder {
  readonly folder: string;
  readonly runs: number;
  readonly points: number;
}

/** Returns the paths of the same files in another folder. */
export function shardFilesIn(folder: string, { statePath, store }: ShardFiles): ShardFiles {
  return {
    statePath: join(folder, basename(statePath)),
    store: { path: join(folder, basename(store.path)), mediaPath: join(folder, basename(store.mediaPath)) },
  };
}

/**
 * Calls `work` with a temporary folder, which gets its final name once it is complete. So a folder of that name is
 * complete. Throws MB3009 if something exists there, or if the folder can't be written.
 */
export function inNewFolder<Result>(folder: string, work: (made: string) => Result): Result {
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new MirrorError('MB3009', `--to ${folder}: the folder is not empty`, {
      hint: 'Name a folder that does not exist yet.',
      context: { path: folder },
    });
  }
  // If the folder is a link, its target gets the files, and the link stays.
  const real = realPath(folder, resolve(folder));
  const making = temporaryName(real);
  try {
    makeOwnFolder(making);
    const result = work(making);
    if (existsSync(real)) rmdirSync(real);
    renameSync(making, real);
    flushFolder(dirname(real));
    return result;
  } catch (error) {
    rmSync(making, { recursive: true, force: true });
    if (error instanceof MirrorError) throw error;
    throw new MirrorError('MB3009', `writing ${folder}: ${messageOf(error)}`, { cause: error, context: { path: folder } });
  }
}

/** Calls `work` while no other process writes to the existing stores and states. */
export function whileNobodyWrites<Result>(all: readonly ShardFiles[], work: () => Result): Result {
  const locks: FileLock[] = [];
  try {
    for (const { statePath, store } of all) {
      if (existsSync(statePath)) locks.push(FileLock.acquire(statePath, 'state'));
      if (existsSync(store.path)) locks.push(FileLock.acquire(store.path));
    }
    return work();
  } finally {
    for (const lock of locks) lock.release();
  }
}

/** Creates a state with `work`. Throws MB3101 if a part of it could not be written. */
export function makeState<Result>(path: string, work: (state: StateFile) => Result): Result {
  let failure: MirrorError | undefined;
  const state = StateFile.open(path, {
    now: Date.now,
    onFailure: (error) => {
      failure = error;
    },
  });
  try {
    const result = work(state);
    if (!state.flush()) throw failure ?? new MirrorError('MB3101', `writing ${path}: not all of it could be written`);
    return result;
  } finally {
    state.close();
  }
}

/** Opens a state for reading. Throws MB3107 if an earlier change must be finished first. */
export function readSettledState(path: string): ReturnType<typeof StateFile.openForReading> {
  const reader = StateFile.openForReading(path);
  if (reader.tasks().length === 0) return reader;
  reader.close();
  throw new MirrorError('MB3107', `${path}: a root or run command was interrupted, and its change is pending`, {
    hint: 'Run mirrorboard backfill or watch with this state once: it finishes the change.',
    context: { path },
  });
}
