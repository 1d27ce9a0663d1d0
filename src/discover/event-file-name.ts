/** Which names are those of event files: the one place that knows. */

import type { RunFilter } from './run-filter.ts';

/**
 * Names that a program gives a file for a while, or to a copy it keeps aside: it has, or will have, a name of its own. In words,
 * for `inspect`.
 */
const PASSED_OVER: readonly (readonly [name: RegExp, words: string])[] = [
  [/^\._/, 'attributes that macOS keeps beside a file'],
  [/^\.#|^#.*#$|^~\$/, 'the lock or backup of an editor'],
  [/^\..*\.sw[a-z]$|\.kate-swp$/i, 'the swap file of an editor'],
  [/~$/, 'a backup'],
  [/^\.syncthing\.|^~syncthing~/, 'a transfer under way (Syncthing)'],
  [/\.sync-conflict-\d{8}-\d{6}|conflicted copy|_conflict-\d{8}-\d{6}/i, 'a copy that a sync tool put aside (a conflict)'],
  [/^\..*\.~[0-9a-f]+$/i, 'a transfer under way (Nextcloud)'],
  [/^\..*\.[A-Za-z0-9]{6}$/, 'a transfer under way (rsync)'],
  [/^\.azDownload-/, 'a transfer under way (azcopy)'],
  [/^\.in\..*\.$|^\.~|^\.mutagen-|^\.unison\.|^\.distcp\.tmp\./, 'a transfer under way'],
  [/_\.(?:gstmp|gztmp)$/, 'a transfer under way (gsutil)'],
  // s3transfer's own: eight digits of both cases behind a whole name. Hosts stand in the place before, and hashes of Git are in lower case.
  [/tfevents\.\d+\..*\.(?=[0-9a-f]*[A-F])[0-9A-Fa-f]{8}$/, 'a transfer under way (aws s3)'],
  [/\.(?:partial|filepart|fpart|part|crdownload|opdownload|download|incomplete|aria2|!ut|!sync|bts|gstmp|gztmp)$/i, 'a transfer under way'],
  [/\.te?mp(?:\.?\d+)?$|\._COPYING_$/i, 'a transfer under way'],
];

/** Directories in which sync tools and editors keep what is theirs. */
const THEIR_DIRECTORIES: ReadonlySet<string> = new Set([
  '.~tmp~',
  '.rsync-partial',
  '.rsync-tmp',
  '.stfolder',
  '.dropbox.cache',
  '.tmp.drivedownload',
  '.tmp.driveupload',
  '.sync',
  '.ipynb_checkpoints',
]);

/** TensorBoard's rule: the name contains `tfevents` anywhere, and is not the mark of a profile without events. */
function isTensorBoardName(name: string): boolean {
  return name.includes('tfevents') && !name.endsWith('.profile-empty');
}

/** Whether a file of this name is one of a run: TensorBoard's rule, less what is under way or put aside. */
export function isEventFileName(name: string): boolean {
  return isTensorBoardName(name) && transferWords(name) === undefined;
}

/** Why a file is passed over that TensorBoard would read; undefined where it is not. */
export function whyPassedOver(name: string): string | undefined {
  return isTensorBoardName(name) ? transferWords(name) : undefined;
}

function transferWords(name: string): string | undefined {
  return PASSED_OVER.find(([pattern]) => pattern.test(name))?.[1];
}

/** Whether a directory is one of a sync tool or an editor: files in it are copies, or on their way. */
export function isTheirDirectory(name: string): boolean {
  return THEIR_DIRECTORIES.has(name) || (name.includes('tfevents') && name.endsWith('.download'));
}

/** Whether a path lies in what is passed over: by its name, or by a rule of somebody. */
export function isApart(path: string, filter: RunFilter | undefined): boolean {
  const names = path.split('/');
  return names.some((name, i) => isTheirDirectory(name) || filter?.ignores(names.slice(0, i + 1).join('/')) === true);
}

/** What Unity keeps beside each file of a project (ML-Agents logs often lie in one), and backups: alone they may be all that is left. */
const COMPANION = /\.(?:meta|bak|save|orig)$/;
/** The same random ending in lower case is one of `aws s3` only where the whole name is there too. */
const RANDOM_END = /\.[0-9a-f]{8}$/;

/** Whether a file is only a companion to another one, a backup of it, or is being fetched in its place; the other one is there. */
export function isCompanion(name: string, isThere: (name: string) => boolean): boolean {
  const own = name.replace(COMPANION, '');
  if (own !== name) return isThere(own);
  return RANDOM_END.test(name) && /tfevents\.\d+\../.test(name.slice(0, -9)) && isThere(name.slice(0, -9));
}
