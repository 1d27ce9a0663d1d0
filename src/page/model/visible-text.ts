/** Texts from log directories, as people can read them. */

/** Control characters, marks that turn the direction of text, and halves of characters. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\u2028\u2029]/gu;
/** Format characters that letters of some scripts and emoji are made with. */
const JOINERS = new Set(['\u200c', '\u200d']);

const MOST = 500;

/** Returns a text of one line in which nothing is invisible, cut at `most` characters. */
export function visibleText(text: string, most = MOST): string {
  const short = text.length > most ? `${text.slice(0, most).replace(/[\ud800-\udbff]$/, '')}…` : text;
  return short.replace(HIDDEN, (c) => (JOINERS.has(c) ? c : c === '\n' ? '⏎' : `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`));
}
