/** Reads the text of a configuration: a file, or what a pipe brings (`--config <(…)`), of a size that people write. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** A configuration of a few hundred lines has some 20 kB. */
const MOST_BYTES = 1024 * 1024;
/** Does not wait for one who writes to a pipe. Windows has no such flag. */
const AT_ONCE = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** A text is none, in words: `found` as it may be shown, `expected` what a configuration is. */
export class NoText extends Error {
  readonly found: string;
  readonly expected: string;
  readonly hint: string | undefined;
  /** 1-based; undefined if it is about the whole file. */
  readonly line: number | undefined;

  constructor(found: string, expected: string, { hint, line }: { readonly hint?: string; readonly line?: number } = {}) {
    super(`found ${found}, expected ${expected}`);
    this.found = found;
    this.expected = expected;
    this.hint = hint;
    this.line = line;
  }
}

/** The text at a path; fails with a system code, or with `NoText`. Of what has no end, only so much is read. */
export async function readText(path: string, mostBytes = MOST_BYTES): Promise<string> {
  return await textIn(await open(path, 'r'), mostBytes);
}

/** The same of a regular file: all else could hold up the reader, or give nothing the second time. */
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

/** All that a file has, and closes it. */
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
 * Bytes as UTF-8, with or without a mark at the beginning; all else is named, since a replaced letter would change a
 * name in silence.
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

/** The place of the first byte that is not valid UTF-8: what comes before it decodes the same with replacement. */
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
