import { readFileSync } from 'node:fs';
import { statfsSync } from '../calls/index.ts';

/**
 * File systems whose changes the kernel reports completely, because only this machine can make them. By `statfs`
 * type.
 */
const LOCAL: ReadonlyMap<number, string> = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x01021994, 'tmpfs'],
  [0x2fc12fc1, 'zfs'],
  [0xf2f52010, 'f2fs'],
  [0x794c7630, 'overlay'],
]);

/** File systems that other hosts write to, for messages. */
const SHARED: ReadonlyMap<number, string> = new Map([
  [0x6969, 'nfs'],
  [0xff534d42, 'cifs'],
  [0xfe534d42, 'smb2'],
  [0x65735546, 'fuse'],
  [0x00c36400, 'ceph'],
  [0x01021997, '9p'],
  [0x0bd00bd0, 'lustre'],
  [0x47504653, 'gpfs'],
  [0x786f4256, 'vboxsf'],
]);

/**
 * Returns the name of the file system of a path; for an unknown type, `unknown` with its number. Throws if there is
 * no such path.
 */
export function fileSystemName(path: string): string {
  const { type } = statfsSync(path);
  return LOCAL.get(type) ?? SHARED.get(type) ?? `unknown (0x${type.toString(16)})`;
}

/**
 * True if notifications are reliable: on network file systems, writes by other hosts cause none. Unknown types count
 * as network file systems, and are polled.
 */
export function hasNotifications(path: string): boolean {
  if (process.platform !== 'linux') return true;
  try {
    return LOCAL.has(statfsSync(path).type);
  } catch {
    return false; // gone or unreadable: the scan reports it
  }
}

/**
 * Returns how many directories a user's programs may watch, and how many programs may do so; undefined if the system
 * does not say.
 */
export function notificationLimits(): { readonly watches: number | undefined; readonly instances: number | undefined } {
  const read = (name: string): number | undefined => {
    try {
      return Number(readFileSync(`/proc/sys/fs/inotify/${name}`, 'utf8'));
    } catch {
      return undefined; // no Linux, or a container without /proc
    }
  };
  return { watches: read('max_user_watches'), instances: read('max_user_instances') };
}
