/** The first bytes of packed files. */
const PACKED: readonly (readonly [magic: string, what: string])[] = [
  ['\x1f\x8b', 'gzip'],
  ['PK\x03\x04', 'a zip archive'],
  ['BZh', 'bzip2'],
  ['\xfd7zXZ\x00', 'xz'],
  ['\x28\xb5\x2f\xfd', 'zstd'],
  ['7z\xbc\xaf\x27\x1c', 'a 7z archive'],
];

/** The bytes that replace invalid UTF-8 after a file was read as text. */
const REPLACED = '\xef\xbf\xbd';

const UNPACK = 'unpack it first';
const FETCH = 'fetch the file itself with git lfs pull';
const COPY = 'copy the file again, as binary';

/** Returns the advice in the description of such a file; undefined if there is none. */
export function foreignAdvice(description: string): string | undefined {
  return [UNPACK, FETCH, COPY].find((advice) => description.endsWith(`: ${advice}`));
}

/** Describes what a file without a valid record seems to be, by its first bytes; undefined if they tell nothing. */
export function describeForeign(head: Uint8Array): string | undefined {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('latin1');
  const packed = PACKED.find(([magic]) => bytes.startsWith(magic));
  if (packed) return `${packed[1]}: ${UNPACK}`;
  if (bytes.startsWith('version https://git-lfs')) return `a Git LFS pointer: ${FETCH}`;
  if (bytes.startsWith('SQLite format 3')) return 'a SQLite database';
  if (/^\s*(<!doctype|<html|<\?xml)/i.test(bytes)) return 'a web page or XML, perhaps of a failed download';
  if (/^\s*[{[]/.test(bytes)) return 'JSON';
  if (isText(head)) return 'text';
  if (bytes.includes(REPLACED)) return `its bytes were converted as text while it was copied: ${COPY}`;
  return undefined;
}

/** True if bytes are human-readable UTF-8; the last character may be cut. */
function isText(head: Uint8Array): boolean {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
  } catch {
    return false;
  }
  return /^[\t\n\r\x20-\x7e\u{a0}-\u{10ffff}]+$/u.test(text) && !text.includes('\ufffd');
}
