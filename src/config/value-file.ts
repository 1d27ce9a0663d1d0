import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { reasonOf } from '../system-error.ts';
import { NoText, textOf } from './read-text.ts';

/** The end of a variable's name if the variable names a file with the value, as in Docker's images. */
export const FILE_SUFFIX = '_FILE';

/** The most bytes of a value: longer than every key, token and address. */
const MOST_BYTES = 64 * 1024;
/**
 * The flags that open a file without blocking: a pipe without a writer would block the whole process. Windows has no
 * such flag.
 */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** The value in a file, or the reason that there is none. */
type ValueInFile =
  | { readonly kind: 'value'; readonly value: string }
  | { readonly kind: 'problem'; readonly found: string; readonly expected: string };

/** Reads the value in a file, without the end of its last line. */
export function valueInFile(path: string): ValueInFile {
  const problem = (found: string): ValueInFile => ({ kind: 'problem', found, expected: 'a readable file with the value' });
  try {
    const bytes = contentOf(path);
    if (bytes === undefined) return problem(`${path}, which is not a regular file`);
    if (bytes.length > MOST_BYTES) return problem(`the file ${path}, which has more than 64 KiB`);
    const value = textOf(bytes).replace(/\r?\n$/, '');
    return value === '' ? problem(`the file ${path}, which is empty`) : { kind: 'value', value };
  } catch (error) {
    const reason = error instanceof NoText ? `found ${error.found}` : reasonOf(error);
    return problem(`the file ${path}, which cannot be read (${reason})`);
  }
}

/** Returns the beginning of a file: one byte more than a value may have. Undefined if it is not a regular file. */
function contentOf(path: string): Uint8Array | undefined {
  const fd = openSync(path, FLAGS);
  try {
    if (!fstatSync(fd).isFile()) return undefined;
    const bytes = Buffer.alloc(MOST_BYTES + 1);
    let length = 0;
    while (length < bytes.length) {
      const count = readSync(fd, bytes, length, bytes.length - length, null);
      if (count === 0) break;
      length += count;
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}
