import { statfsSync } from 'node:fs';

/** File systems whose changes the kernel tells of because nobody else can make them. By `statfs` type. */
const LOCAL: ReadonlyMap<number, string> = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x01021994, 'tmpfs'],
  [0x2fc12fc1, 'zfs'],
  [0xf2f52010, 'f2fs'],
  [0x794c7630, 'overlay'],
]);

/**
 * Whether notifications can be trusted to come at all: on network file systems other hosts write unheard. Unknown types
 * count as such, and are polled.
 */
export function hasNotifications(path: string): boolean {
  if (process.platform !== 'linux') return true;
  try {
    return LOCAL.has(statfsSync(path).type);
  } catch {
    return false; // gone or unreadable: the scan says so
  }
}
