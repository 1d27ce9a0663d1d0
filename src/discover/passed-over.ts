/**
 * Directories that file systems and file servers keep for themselves: they contain no runs. This is the only list of
 * them.
 */

const NAMES: ReadonlySet<string> = new Set([
  // Files found by a repair of the file system; only root may read it.
  'lost+found',
  // Former states of the same directory: NetApp, Btrfs and Snapper, Ceph, ZFS.
  '.snapshot',
  '.snapshots',
  '~snapshot',
  '.snap',
  '.zfs',
  // Synology, QNAP.
  '@eaDir',
  '@tmp',
  '@Recycle',
  '@Recently-Snapshot',
  '#recycle',
  '#snapshot',
  // Windows, on shares and on its own disks.
  'System Volume Information',
  '$RECYCLE.BIN',
  'RECYCLER',
  // macOS.
  '.Trashes',
  '.fseventsd',
  '.Spotlight-V100',
  '.DocumentRevisions-V100',
  '.TemporaryItems',
  '.AppleDouble',
  '.AppleDB',
  // GlusterFS; older versions of files, kept by Syncthing.
  '.glusterfs',
  '.stversions',
]);

/** Waste baskets of desktops: `.Trash`, `.Trash-1000`. */
const TRASH = /^\.Trash(?:-\d+)?$/;

/** True if a directory of this name is skipped anywhere below a root. */
export function isPassedOver(name: string): boolean {
  return NAMES.has(name) || TRASH.test(name);
}
