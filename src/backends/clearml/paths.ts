/** Paths of files: the readable part of a name, and a hash if that is not the whole name. Pure. */
import { createHash } from 'node:crypto';

/** Bytes of one part. File servers refuse more than 255, and a hash and an extension follow. */
const PART_BYTES = 100;

/**
 * Makes one part of a path. Two names never give the same part. Only characters that need no escape in an address
 * stay: some tools escape, others do not, and both must find a file.
 */
export function pathPart(name: string): string {
  return shortened(name, '');
}

/**
 * Makes the last part of a path in the same way. The name keeps its extension, which tells users and programs what is
 * in the file.
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

/** Returns the folder of a task, in which the official SDK also keeps its files. */
export function taskFolder(project: string, name: string, id: string): string {
  return `${project.split('/').map(pathPart).join('/')}/${pathPart(name)}.${id}`;
}

/** Returns a path as it is in an address. It is the same for names that `pathPart` made. */
export function encodedPath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
