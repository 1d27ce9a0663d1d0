/** Paths of files: what a person can read of a name, and a hash where that is not all of it. Pure. */
import { createHash } from 'node:crypto';

/** Bytes of one part; file servers refuse more than 255, and a hash and an extension follow. */
const PART_BYTES = 100;

/**
 * One part of a path. Two names never give the same. Only what needs no escape in an address stays: some tools escape, others do not, and
 * a file is to be found by both.
 */
export function pathPart(name: string): string {
  const plain = name.replace(/[^A-Za-z0-9_\-.]+/g, '_').replace(/^\.+|\.+$/g, '_');
  if (plain === name && name !== '' && name.length <= PART_BYTES) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 10);
  return `${plain.slice(0, PART_BYTES)}~${hash}`;
}

/** The folder of a task: where the official SDK keeps files of one, too. */
export function taskFolder(project: string, name: string, id: string): string {
  return `${project.split('/').map(pathPart).join('/')}/${pathPart(name)}.${id}`;
}

/** A path as it stands in an address: the same, for names that `pathPart` made. */
export function encodedPath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
