/** Reads the text of a configuration: a file, or a pipe (`--config <(…)`), up to a size that people write. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** The most bytes: a configuration of a few hundred lines has some 20 kB. */
const MOST_BYTES = 1024 * 1024;
/** The flags that open a pipe without waiting for its writer. Windows has no such flag. */
const AT_ONCE = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** An error for a file that is not a text: `found` as it may be shown, `expected` as a configuration is. */
export class NoText extends Error {
  readonly found: string;
  readonly expected: string;
  readonly hint: string | undefined;
  /** The line, from 1; undefined if the error is about the whole file. */
  readonly line: number | undefined;

  constructor(found: string, expected: string, { hint, line }: { readonly hint?: string; readonly line?: number } = {}) {
    super(`found ${found}, expected ${expected}`);
    this.found = found;
    this.expected = expected;
    this.hint = hint;
    this.line = line;
  }
}

/**
 * Returns the text at a path; fails with a system code, or with `NoText`. Reads a limited amount, because the source
 * may have no end.
 */
export async function readText(path: string, mostBytes = MOST_BYTES): Promise<string> {
  return await textIn(await open(path, 'r'), mostBytes);
}

/** Returns the text of a regular file: anything else could block the reader, or be empty the second time. */
export async function readRegularText(path: string): Promise<string> {
  const file = await open(path, AT_ONCE);
  try {
    if (!(await file.stat()).isFile()) {
      throw new NoText('a pipe, a device or a directory', 'a regular file', { hint: 'To use it, restart mirrorboard.' });
    }
  } catch (error) {
    await file.close();
    throw error;
  }
  return await textIn(file, MOST_BYTES);
}

/** Reads all of a file, and closes it. */
async function textIn(file: FileHandle, mostBytes: number): Promise<string> {
  try {
    const chunks: Buffer[] = [];
    let length = 0;
    while (length <= mostBytes) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(64 * 1024), 0, 64 * 1024, null);
      if (bytesRead === 0) return textOf(Buffer.concat(chunks));
      chunks.push(buffer.subarray(0, bytesRead));
      length += bytesRead;
    }
    throw new NoText(`more than ${mostBytes / 1024 / 1024} MiB`, 'a configuration file', {
      hint: 'Check that this is the right file.',
    });
  } finally {
    await file.close();
  }
}

/**
 * Decodes bytes as UTF-8, with or without a mark at the beginning. Throws for anything else, since a replaced letter
 * would change a name silently.
 */
export function textOf(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  if (isUtf16) throw new NoText('UTF-16', 'UTF-8', { hint: 'Save it as UTF-8; in PowerShell: Set-Content -Encoding utf8.' });
  const zero = bytes.indexOf(0);
  if (zero >= 0) throw new NoText('a zero byte', 'a text', { line: lineAt(bytes, zero), hint: 'Check that this is the right file.' });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const at = firstInvalid(bytes);
    const byte = bytes[at]?.toString(16).padStart(2, '0');
    throw new NoText(`the byte 0x${byte}, which is not UTF-8`, 'a text in UTF-8', { line: lineAt(bytes, at), hint: 'Save it as UTF-8.' });
  }
}

function lineAt(bytes: Uint8Array, offset: number): number {
  let line = 1;
  for (let i = bytes.indexOf(10); i >= 0 && i < offset; i = bytes.indexOf(10, i + 1)) line++;
  return line;
}

/**
 * Returns the place of the first byte that is not valid UTF-8: the bytes before it decode the same with replacement.
 */
function firstInvalid(bytes: Uint8Array): number {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for (let i = 0; i < bytes.length; i++) {
    try {
      decoder.decode(bytes.subarray(i, i + 1), { stream: true });
    } catch {
      return i;
    }
  }
  return bytes.length - 1;
}
