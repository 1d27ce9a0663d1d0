/**
 * Returns the modification time, change time and inode of a file as one text. While stamp and size stay the same,
 * nothing happened to the file. Information only: a different stamp proves nothing.
 */
export function fileStamp(stat: { readonly mtimeNs: bigint; readonly ctimeNs: bigint; readonly ino: bigint }): string {
  return `${stat.mtimeNs}.${stat.ctimeNs}.${stat.ino}`;
}

/** Returns the inode in a stamp, or in a text that ends with one. */
export function inodeOf(stamp: string): string {
  return stamp.slice(stamp.lastIndexOf('.') + 1);
}

/**
 * Returns the modification time in a stamp, in milliseconds; 0 if there is none (an empty stamp, or that of a kept
 * file).
 */
export function changedMsOf(stamp: string): number {
  return (Number.parseInt(stamp, 10) || 0) / 1e6;
}

/**
 * True if a stamp is that of the same file as another one, at the same time or later. False if one of them has no
 * times.
 */
export function isAsRecent(stamp: string, other: string): boolean {
  const [, changed, inode] = stamp.split('.');
  const [, otherChanged, otherInode] = other.split('.');
  if (!changed || !otherChanged || inode !== otherInode) return false;
  return BigInt(changed) >= BigInt(otherChanged);
}
