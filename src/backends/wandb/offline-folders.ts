/** The folders of offline runs, with the names of the official client: `offline-run-<day>_<time>-<id>`. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeOwnFolder, replaceOwnFile } from '../../own-files/index.ts';

const NAME = /^offline-run-(\d{8}_\d{6})-(.+)$/;

/** An offline folder of a run. */
export interface Folder {
  readonly path: string;
  readonly id: string;
  /** The start time, `20260101_120000`, which orders the folders of one run. */
  readonly started: string;
}

/** Returns the folders of a run, or of all runs, the oldest first. */
export function foldersIn(dir: string, id?: string): Folder[] {
  if (!existsSync(dir)) return [];
  const found = readdirSync(dir).flatMap((name): Folder[] => {
    const [, started, of] = NAME.exec(name) ?? [];
    return started === undefined || of === undefined || (id !== undefined && of !== id) ? [] : [{ path: join(dir, name), id: of, started }];
  });
  return found.sort((a, b) => (a.started < b.started ? -1 : a.started > b.started ? 1 : 0));
}

/** Returns the folders of a run that have a file of records. */
export function recordedFolders(dir: string, id: string): Folder[] {
  return foldersIn(dir, id).filter((folder) => existsSync(fileIn(folder)));
}

/** Returns the `.wandb` file of a folder. */
export function fileIn({ path, id }: Pick<Folder, 'path' | 'id'>): string {
  return join(path, `run-${id}.wandb`);
}

/** True if the official client has sent a folder (or was told to skip it): it searches for this file too. */
export function isSynced(folder: Folder): boolean {
  return existsSync(`${fileIn(folder)}.synced`);
}

/** Marks a folder as uploaded, as `wandb sync` does. */
export function markSynced(folder: Folder): void {
  if (!isSynced(folder)) replaceOwnFile(`${fileIn(folder)}.synced`, '');
}

/** Returns the folders that are not sent yet. */
export function waitingFolders(dir: string): Folder[] {
  return foldersIn(dir).filter((folder) => existsSync(fileIn(folder)) && !isSynced(folder));
}

/** Returns a folder that comes after all others of its run. It does not exist yet. */
export function nextFolder(dir: string, id: string, nowMs: number): Folder {
  const last = foldersIn(dir, id).at(-1)?.started ?? '';
  let at = nowMs;
  let started = stamp(at);
  while (started <= last) {
    at += 1000;
    started = stamp(at);
    if (at > nowMs + 86_400_000) at += 86_400_000 * 365;
  }
  makeOwnFolder(dir);
  return { path: join(dir, `offline-run-${started}-${id}`), id, started };
}

function stamp(ms: number): string {
  const text = new Date(ms).toISOString();
  return `${text.slice(0, 10).replaceAll('-', '')}_${text.slice(11, 19).replaceAll(':', '')}`;
}
