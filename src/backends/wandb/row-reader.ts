/**
 * Splits a JSON object at its top level, without checking the values: rows have words that JSON does not have, and
 * numbers that no parser preserves.
 */

/** Returns the members of an object in order, each value as text. Undefined if it is not an object. */
export function membersOf(text: string): [key: string, value: string][] | undefined {
  const members: [string, string][] = [];
  let at = afterSpace(text, 0);
  if (text[at] !== '{') return undefined;
  at = afterSpace(text, at + 1);
  if (text[at] === '}') return members;
  for (;;) {
    const keyEnd = endOfString(text, at);
    if (keyEnd < 0) return undefined;
    const key = unquoted(text.slice(at, keyEnd));
    at = afterSpace(text, keyEnd);
    if (key === undefined || text[at] !== ':') return undefined;
    at = afterSpace(text, at + 1);
    const end = endOfValue(text, at);
    if (end <= at) return undefined;
    members.push([key, text.slice(at, end)]);
    at = afterSpace(text, end);
    if (text[at] === '}') return members;
    if (text[at] !== ',') return undefined;
    at = afterSpace(text, at + 1);
  }
}

/** Returns the text of a JSON string; undefined if it is none. */
export function unquoted(text: string): string | undefined {
  if (!text.startsWith('"')) return undefined;
  if (!text.includes('\\')) return text.slice(1, -1);
  try {
    return String(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function afterSpace(text: string, from: number): number {
  let at = from;
  for (let code = text.charCodeAt(at); code === 32 || code === 10 || code === 13 || code === 9; ) code = text.charCodeAt(++at);
  return at;
}

/** Returns the position behind the closing quote of the string at a position; -1 if there is none. */
function endOfString(text: string, from: number): number {
  if (text.charCodeAt(from) !== 34) return -1;
  for (let at = from + 1; ; ) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return -1;
    let slashes = 0;
    while (text.charCodeAt(quote - 1 - slashes) === 92) slashes++;
    if (slashes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

function endOfValue(text: string, from: number): number {
  const first = text.charCodeAt(from);
  if (first === 34) return endOfString(text, from);
  let depth = 0;
  let at = from;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 34) {
      const end = endOfString(text, at);
      if (end < 0) return -1;
      at = end - 1;
    } else if (code === 123 || code === 91) depth++;
    else if (code === 125 || code === 93) {
      if (depth === 0) return at;
      if (--depth === 0) return at + 1;
    } else if (depth === 0 && (code === 44 || code === 32 || code === 10 || code === 13 || code === 9)) return at;
  }
  return depth === 0 ? at : -1;
}
