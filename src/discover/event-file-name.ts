/** Decides which names are those of event files: the only place that knows. */

import type { RunFilter } from './run-filter.ts';

const UNDER_WAY = 'an incomplete transfer';
const CONFLICT = 'a conflict copy of a sync tool';

/**
 * Names of copies, incomplete transfers and companion files, each with the words that `inspect` shows. The file
 * itself has, or will get, another name.
 */
const PASSED_OVER: readonly (readonly [name: RegExp, words: string])[] = [
  [/^\._/, 'attributes that macOS stores with a file'],
  // Windows keeps these attributes in the file. Where that is impossible, they get a name of their own, on shares
  // with another character for the colon.
  [/[:\uf03a](?:Zone\.Identifier|AFP_[a-z]+|com\.[a-z.]+|user\.[a-z.]+)$/i, 'attributes that Windows stores with a file'],
  [/^\.#|^#.*#$|^~\$|___jb_(?:tmp|old|bak)___$/, 'the lock or backup of an editor'],
  [/^\..*\.sw[a-z]$/i, 'the swap file of an editor'],
  [/~$|^\.bak\.\d+\./, 'a backup'],
  [/^\.syncthing\.|^~syncthing~/, `${UNDER_WAY} (Syncthing)`],
  [/\.sync-conflict-\d{8}-\d{6}|conflicted copy|_conflict-\d{8}-\d{6}/i, CONFLICT],
  // Seafile, pCloud, OneDrive, rclone, Synology.
  [/\(SFConflict|\[conflicted\]|-safeBackup-\d+|\.\.path[12]$|\.conflict\d*$|_(?:Case)?Conflict$/i, CONFLICT],
  [/^\..*\.~[0-9a-f]+$/i, `${UNDER_WAY} (Nextcloud)`],
  [/^\..*\.[A-Za-z0-9]{6}$/, `${UNDER_WAY} (rsync)`],
  [/^\.azDownload-/, `${UNDER_WAY} (azcopy)`],
  [/^\.in\..*\.$|^\.~|^\.mutagen-|^\.unison\.|^\.distcp\.tmp\.|^\.pureftpd-/, UNDER_WAY],
  // Hosts have such endings, too, but none follows a whole name, and no writer begins a name with a dot.
  [/(?:\.\d+\.\d+(?:\.v2)?|^\..*)\.(?:metadata|lock|complete)$/i, 'metadata of a downloader'],
  [/(?:\.\d+\.\d+(?:\.v2)?|^\..*)\.(?:crc|sig|asc)$/i, 'a checksum of a file, or a signature'],
  [/\.\d+\.\d+(?:\.v2)?\.bts$/i, `${UNDER_WAY} (Resilio)`],
  [/_\.(?:gstmp|gztmp)$/, `${UNDER_WAY} (gsutil)`],
  // s3transfer's own: eight hexadecimal digits of both cases after a whole name. The place before is that of the
  // host; hashes of Git are in lower case.
  [/tfevents\.\d+\..*\.(?=[0-9a-f]*[A-F])[0-9A-Fa-f]{8}$/, `${UNDER_WAY} (aws s3)`],
  [/\.part\.minio$|\.s3tmp\.\w+$|\.te?mp(?:\.?\d+)?$/i, UNDER_WAY],
  // At the end of a complete name, the host part may have such an ending.
  [/tfevents\.\d+\.[^.].*\.te?mp[-_.](?=[A-Za-z_]*\d)\w{4,}$/i, UNDER_WAY],
];

/** Endings after the last dot, in lower case, with the same words. */
const ENDINGS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    [UNDER_WAY]: [
      // Several programs.
      ...['partial', 'partially', 'part', 'fpart', 'filepart', 'download', 'downloading', 'incomplete', 'unfinished', 'inprogress'],
      // Browsers and download managers.
      ...['crdownload', 'opdownload', 'wkdownload', 'fdmdownload', 'bxdown', 'bdtmp', 'xltd', 'cyberducksegment'],
      // gsutil, the AWS SDK for .NET, Hadoop, aria2, lftp, Aspera, FreeFileSync.
      ...['gstmp', 'gztmp', 's3tmp', '_copying_', 'aria2', 'lftp-pget-status', 'aspera-ckpt', 'aspera_ckpt', 'aspx', 'ffs_tmp'],
      // Resilio and BitTorrent.
      ...['!sync', '!ut', '!qb', '!bt', 'bc!', 'az!'],
    ],
    'a placeholder of a file that a sync tool has not fetched': ['nextcloud', 'owncloud', 'icloud', 'rsls', 'rslsv', 'rslsf'],
    'metadata of a downloader': ['ffs_lock', 'ffs_db'],
    'the swap file of an editor': ['kate-swp'],
    'a pointer to the file, for DVC': ['dvc'],
    'a checksum of a file, or a signature': [
      ...['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512', 'blake3', 'crc32', 'crc32c', 'sfv'],
      ...['md5sum', 'sha1sum', 'sha256sum', 'sha512sum', 'minisig', 'par2', 'torrent', 'metalink'],
    ],
  }).flatMap(([words, endings]) => endings.map((ending) => [ending, words] as const)),
);

/** Directories in which sync tools and editors keep their own files. */
const THEIR_DIRECTORIES: ReadonlySet<string> = new Set([
  '.~tmp~',
  '.rsync-partial',
  '.rsync-tmp',
  '.stfolder',
  '.dropbox.cache',
  '.tmp.drivedownload',
  '.tmp.driveupload',
  '.sync',
  '.SynologyWorkingDirectory',
  '.osync_workdir',
  '.minio.sys',
  '.ossutil_checkpoint',
  '_gsdata_',
  'rdiff-backup-data',
  // Hugging Face's in the first half of 2024, and ModelScope's.
  '.huggingface',
  '._____temp',
  '.ipynb_checkpoints',
]);

/**
 * True if TensorBoard reads a file of this name: it contains `tfevents` anywhere, and is not the mark of a profile
 * without events.
 */
function isTensorBoardName(name: string): boolean {
  return name.includes('tfevents') && !name.endsWith('.profile-empty');
}

/**
 * True if a file of this name is one of a run: TensorBoard's rule, without files that are being transferred or put
 * aside.
 */
export function isEventFileName(name: string): boolean {
  return isTensorBoardName(name) && transferWords(name) === undefined;
}

/** Returns why mirrorboard skips a file that TensorBoard would read; undefined if it does not skip it. */
export function whyPassedOver(name: string): string | undefined {
  return isTensorBoardName(name) ? transferWords(name) : undefined;
}

function transferWords(name: string): string | undefined {
  return PASSED_OVER.find(([pattern]) => pattern.test(name))?.[1] ?? ENDINGS.get(endingOf(name).toLowerCase());
}

function endingOf(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** True if a directory belongs to a sync tool or an editor: files in it are copies, or being transferred. */
export function isTheirDirectory(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1);
  // Hugging Face's since the middle of 2024. Elsewhere its cache contains files under their own names.
  return (
    THEIR_DIRECTORIES.has(name) ||
    /(?:^|\/)\.cache\/huggingface\/download$/.test(path) ||
    (name.includes('tfevents') && /\.(?:download|cyberducksegment)$/.test(name))
  );
}

/** True if a path is inside a skipped directory: by its name, or by a rule of the configuration. */
export function isApart(path: string, filter: RunFilter | undefined): boolean {
  const names = path.split('/');
  return names.some((_, i) => {
    const at = names.slice(0, i + 1).join('/');
    return isTheirDirectory(at) || filter?.ignores(at) === true;
  });
}

/**
 * Endings of companions, which are next to the file that they are about. If that file is gone, the companion may be
 * all that is left, or the ending may be part of a host name.
 */
const COMPANIONS: ReadonlySet<string> = new Set([
  // Unity keeps one next to each file of a project (often logs of ML-Agents), and axel next to each download.
  ...['meta', 'st'],
  // Notes of downloaders and other tools about the file.
  ...['metadata', 'lock', 'complete', 'crc', 'sig', 'asc', 'bts'],
  // Backups.
  ...['bak', 'backup', 'save', 'orig', 'old', 'rej'],
  // Packed copies.
  ...['gz', 'bz2', 'xz', 'zst', 'lz4', 'lzma', 'br', 'zip', '7z', 'tar', 'tgz'],
  // Files derived from it, and notes about it.
  ...[
    'json',
    'yaml',
    'yml',
    'xml',
    'txt',
    'log',
    'info',
    'csv',
    'tsv',
    'xlsx',
    'parquet',
    'pkl',
    'npz',
    'npy',
    'html',
    'png',
    'svg',
    'pdf',
  ],
]);
/**
 * Random endings. In lower case, such an ending comes from `aws s3` only if the whole name is there too. Cyberduck's
 * is a UUID.
 */
const RANDOM_END = /(?:\.[0-9a-f]{8}|-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

/**
 * True if a file is only a companion or a backup of another file, or is being fetched in its place, and that other
 * file is there.
 */
export function isCompanion(name: string, isThere: (name: string) => boolean): boolean {
  const ending = endingOf(name);
  if (COMPANIONS.has(ending)) return isThere(name.slice(0, -ending.length - 1));
  const whole = name.replace(RANDOM_END, '');
  return whole !== name && /tfevents\.\d+\../.test(whole) && isThere(whole);
}
