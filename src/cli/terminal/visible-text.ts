/**
 * The characters that control a terminal: control and format characters (escape sequences, line ends, changes of
 * writing direction), line separators and half surrogates. The two joiners stay, because some scripts and emoji need
 * them.
 */
const STEERING = /(?!\u200c|\u200d)[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;
const STEERING_BUT_LINES = /(?!\u200c|\u200d|\n)[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** The longest name or message that is shown whole: a tag may have megabytes, which no person reads. */
const MOST_SHOWN = 2000;

/**
 * Makes a text from outside (run and tag names, paths, messages) safe to print: characters that control the terminal
 * become an escape like `\x1b`. With `lines`, line ends stay. A very long text loses its middle, unless `whole` is
 * set: for our own texts, and commands to type.
 */
export function visibleText(
  text: string,
  { lines = false, whole = lines }: { readonly lines?: boolean; readonly whole?: boolean } = {},
): string {
  return (whole ? text : withoutMiddle(text, MOST_SHOWN)).replace(lines ? STEERING_BUT_LINES : STEERING, escaped);
}

/** Cuts a text to at most `most` UTF-16 units: names differ at both ends, so `…` replaces the middle. */
export function withoutMiddle(text: string, most: number): string {
  if (text.length <= most) return text;
  const half = Math.floor((most - 1) / 2);
  return `${text.slice(0, half).replace(/[\ud800-\udbff]$/, '')}…${text.slice(-half).replace(/^[\udc00-\udfff]/, '')}`;
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return SHORT[character] ?? (code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`);
}
