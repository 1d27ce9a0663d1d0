/** What a file without a single sound record seems to be, by its first bytes; undefined when they say nothing. */
export function describeForeign(head: Uint8Array): string | undefined {
  const text = new TextDecoder('latin1').decode(head);
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip: unpack it first';
  if (text.startsWith('PK\x03\x04')) return 'a zip archive: unpack it first';
  if (text.startsWith('version https://git-lfs')) return 'a Git LFS pointer: fetch the file itself with git lfs pull';
  if (text.startsWith('SQLite format 3')) return 'a SQLite database';
  if (/^\s*(<!doctype|<html|<\?xml)/i.test(text)) return 'a web page or XML, perhaps of a failed download';
  if (/^\s*[{[]/.test(text)) return 'JSON';
  if (isText(head)) return 'text';
  return undefined;
}

function isText(head: Uint8Array): boolean {
  return head.length > 0 && head.every((byte) => byte === 9 || byte === 10 || byte === 13 || (byte >= 32 && byte < 127));
}
