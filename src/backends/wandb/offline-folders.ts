/** The folders of offline runs, by the names the official client gives them: `offline-run-<day>_<time>-<id>`. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeOwnFolder, replaceOwnFile } from '../../own-files/index.ts';

const NAME = /^offline-run-(\d{8}_\d{6})-(.+)$/;

/** An offline folder of a run. */
export interface Folder {
  readonly path: string;
  readonly id: string;
  /** `20260101_120000`: the order in which folders of one run were begun. */
  readonly began: string;
}

/** The folders of a run, or of all of them, the oldest first. */
export function foldersIn(dir: string, id?: string): Folder[] {
  if (!existsSync(dir)) return [];
  const found = readdirSync(dir).flatMap((name): Folder[] => {
    const [, began, of] = NAME.exec(name) ?? [];
    return began === undefined || of === undefined || (id !== undefined && of !== id) ? [] : [{ path: join(dir, name), id: of, began }];
  });
  return found.sort((a, b) => (a.began < b.began ? -1 : a.began > b.began ? 1 : 0));
}

/** Those of a run that have a file of records. */
export function begunFolders(dir: string, id: string): Folder[] {
  return foldersIn(dir, id).filter((folder) => existsSync(fileIn(folder)));
}

/** The `.wandb` file of a folder. */
export function fileIn({ path, id }: Pick<Folder, 'path' | 'id'>): string {
  return join(path, `run-${id}.wandb`);
}

/** Whether the official client has sent a folder (or was told to leave it alone): it searches for this file too. */
export function isSynced(folder: Folder): boolean {
  return existsSync(`${fileIn(folder)}.synced`);
}

/** Marks a folder as uploaded, as `wandb sync` does. */
export function markSynced(folder: Folder): void {
  if (!isSynced(folder)) replaceOwnFile(`${fileIn(folder)}.synced`, '');
}

/** Folders that nobody has sent yet. */
export function waitingFolders(dir: string): Folder[] {
  return foldersIn(dir).filter((folder) => existsSync(fileIn(folder)) && !isSynced(folder));
}

/** A folder that comes after all others of its run. It is not there yet. */
export function nextFolder(dir: string, id: string, nowMs: number): Folder {
  const last = foldersIn(dir, id).at(-1)?.began ?? '';
  let at = nowMs;
  let began = stamp(at);
  while (began <= last) {
    at += 1000;
    began = stamp(at);
    if (at > nowMs + 86_400_000) at += 86_400_000 * 365;
  }
  makeOwnFolder(dir);
  return { path: join(dir, `offline-run-${began}-${id}`), id, began };
}

function stamp(ms: number): string {
  const text = new Date(ms).toISOString();
  return `${text.slice(0, 10).replaceAll('-', '')}_${text.slice(11, 19).replaceAll(':', '')}`;
}
