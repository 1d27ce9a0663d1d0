/**
 * Represents file names as text. Names are bytes, and names that are not UTF-8 (Latin-1 on old shares) have no text:
 * each invalid byte becomes `\xNN`. So that no two names share a text, the backslash of a real `\xNN` in a name
 * becomes `\x5c`.
 */
import { isUtf8 } from 'node:buffer';

/** The character that a decoder uses for bytes that are not UTF-8; it may also be a real character. */
const REPLACED = '\ufffd';
const ESCAPE = /\\x(5c|[89a-f][0-9a-f])/g;
const BACKSLASH = /\\(?=x(?:5c|[89a-f][0-9a-f]))/g;

/** Returns the name of a file by its bytes. */
export function nameOfBytes(bytes: Uint8Array): string {
  if (isUtf8(bytes)) return nameOfText(Buffer.from(bytes).toString());
  const text: string[] = [];
  for (let from = 0; from < bytes.length; ) {
    const length = [1, 2, 3, 4].find((n) => from + n <= bytes.length && isUtf8(bytes.subarray(from, from + n)));
    const part = bytes.subarray(from, from + (length ?? 1));
    text.push(length === undefined ? `\0${(bytes[from] as number).toString(16)}` : Buffer.from(part).toString());
    from += length ?? 1;
  }
  // A name holds no zero byte: it marks the escapes while backslashes before what only looks like one are escaped
  // themselves.
  return nameOfText(text.join('')).replaceAll('\0', '\\x');
}

/**
 * Returns the name of a file whose bytes are UTF-8: unchanged, except for backslashes that would be read as an
 * escape.
 */
export function nameOfText(text: string): string {
  return text.includes('\\x') ? text.replace(BACKSLASH, '\\x5c') : text;
}

/** True if a decoder may have replaced bytes in a text. */
export function mayBeReplaced(text: string): boolean {
  return text.includes(REPLACED);
}

/** Returns a path of such names in the form that the system needs: a text, or bytes if a name is not UTF-8. */
export function systemPath(path: string): string | Buffer {
  if (!path.includes('\\x') || path.search(ESCAPE) < 0) return path;
  const parts: Buffer[] = [];
  let from = 0;
  for (const match of path.matchAll(ESCAPE)) {
    parts.push(Buffer.from(path.slice(from, match.index)), Buffer.of(Number.parseInt(match[1] ?? '', 16)));
    from = match.index + match[0].length;
  }
  const bytes = Buffer.concat([...parts, Buffer.from(path.slice(from))]);
  // Most often only a backslash was escaped: then a text is enough.
  return isUtf8(bytes) ? bytes.toString() : bytes;
}
