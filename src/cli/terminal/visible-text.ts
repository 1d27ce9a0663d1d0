/**
 * Everything that steers a terminal instead of showing: control and format characters (escape sequences, line ends,
 * changes of writing direction), line separators and half surrogates. The two joiners stay, some scripts and emoji
 * need them.
 */
const STEERING = /(?!\u200c|\u200d)[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;
const STEERING_BUT_LINES = /(?!\u200c|\u200d|\n)[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Names and messages are shown whole up to here: a tag may have megabytes, and no reader. */
const MOST_SHOWN = 2000;

/**
 * A text from outside (run and tag names, paths, messages) that is safe to print: what would control the terminal
 * becomes an escape like `\x1b`. With `lines`, line ends stay. A very long text loses its middle, unless `whole` is
 * set: for our own texts, and commands to type.
 */
export function visibleText(
  text: string,
  { lines = false, whole = lines }: { readonly lines?: boolean; readonly whole?: boolean } = {},
): string {
  return (whole ? text : withoutMiddle(text, MOST_SHOWN)).replace(lines ? STEERING_BUT_LINES : STEERING, escaped);
}

/** A text of at most so many UTF-16 units: names differ at both ends, so the middle gives way to `…`. */
export function withoutMiddle(text: string, most: number): string {
  if (text.length <= most) return text;
  const half = Math.floor((most - 1) / 2);
  return `${text.slice(0, half).replace(/[\ud800-\udbff]$/, '')}…${text.slice(-half).replace(/^[\udc00-\udfff]/, '')}`;
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return SHORT[character] ?? (code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`);
}
