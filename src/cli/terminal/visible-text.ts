/**
 * Everything that steers a terminal instead of showing: control and format characters (escape sequences, line ends, changes
 * of writing direction), line separators and half surrogates. The two joiners stay, some scripts and emoji need them.
 */
const STEERING = /(?!\u200c|\u200d)[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;
const STEERING_BUT_LINES = /(?!\u200c|\u200d|\n)[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * A text from outside (run and tag names, paths, messages) such that printing it does nothing but show it: what would steer
 * the terminal stands as an escape like `\x1b`. With `lines`, line ends stay.
 */
export function visibleText(text: string, { lines = false }: { readonly lines?: boolean } = {}): string {
  return text.replace(lines ? STEERING_BUT_LINES : STEERING, escaped);
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return SHORT[character] ?? (code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`);
}
