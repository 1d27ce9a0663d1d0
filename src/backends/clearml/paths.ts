/** Paths of files: the readable part of a name, and a hash if that is not all of it. Pure. */
import { createHash } from 'node:crypto';

/** Bytes of one part; file servers refuse more than 255, and a hash and an extension follow. */
const PART_BYTES = 100;

/**
 * One part of a path. Two names never give the same. Only what needs no escape in an address stays: some tools
 * escape, others do not, and a file is to be found by both.
 */
export function pathPart(name: string): string {
  return shortened(name, '');
}

/**
 * The last part of one: the same, and the name keeps its extension, by which people and programs know what is in it.
 */
export function filePart(name: string): string {
  return shortened(name, /^.+?((?:\.[A-Za-z0-9]{1,12}){1,2})$/s.exec(name)?.[1] ?? '');
}

function shortened(name: string, extension: string): string {
  const plain = name.replace(/[^A-Za-z0-9_\-.]+/g, '_').replace(/^\.+|\.+$/g, '_');
  if (plain === name && name !== '' && name.length <= PART_BYTES) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 10);
  const stem = extension === '' ? plain : plain.slice(0, -extension.length);
  return `${stem.slice(0, PART_BYTES)}~${hash}${extension}`;
}

/** The folder of a task, where the official SDK also keeps its files. */
export function taskFolder(project: string, name: string, id: string): string {
  return `${project.split('/').map(pathPart).join('/')}/${pathPart(name)}.${id}`;
}

/** A path as it is in an address: the same, for names that `pathPart` made. */
export function encodedPath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
