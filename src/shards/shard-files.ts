import { existsSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { MirrorError, messageOf } from '../errors.ts';
import type { StoreOptions } from '../lanes/index.ts';
import { flushFolder, makeOwnFolder, temporaryName } from '../own-files/index.ts';
import { realPath } from '../real-path.ts';
import { FileLock, StateFile } from '../state/index.ts';

/** Where a state and a store lie. */
export interface ShardFiles {
  readonly statePath: string;
  readonly store: StoreOptions;
}

/** What lies in the folder of one shard. */
export interface ShardFolder {
  readonly folder: string;
  readonly runs: number;
  readonly points: number;
}

/** The same files in another folder. */
export function shardFilesIn(folder: string, { statePath, store }: ShardFiles): ShardFiles {
  return {
    statePath: join(folder, basename(statePath)),
    store: { path: join(folder, basename(store.path)), mediaPath: join(folder, basename(store.mediaPath)) },
  };
}

/**
 * Calls `work` with a new folder, which gets its name once all of it is there: a folder of that name is whole. Throws
 * MB3009 if something is there already, or the folder can't be written.
 */
export function inNewFolder<Result>(folder: string, work: (made: string) => Result): Result {
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new MirrorError('MB3009', `--to ${folder}: the folder is not empty`, {
      hint: 'Name a folder that does not exist yet.',
      context: { path: folder },
    });
  }
  // What a link leads to gets the files, and not the place of the link.
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

/** Calls `work` while no other process writes to those of some stores and states that exist. */
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

/** Makes a state with `work`. Throws MB3101 if not all of it could be written. */
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

/** Opens a state to read from it. Throws MB3107 if something that was begun has to be finished first. */
export function readSettledState(path: string): ReturnType<typeof StateFile.openForReading> {
  const reader = StateFile.openForReading(path);
  if (reader.tasks().length === 0) return reader;
  reader.close();
  throw new MirrorError('MB3107', `${path}: a root or run command was interrupted, and its change is pending`, {
    hint: 'Run mirrorboard backfill or watch with this state once: it finishes the change.',
    context: { path },
  });
}
