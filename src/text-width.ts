import { createRequire } from 'node:module';

/** Printable ASCII: each character has one column. */
const PLAIN = /^[ -~]*$/;

let widthOfAny: ((text: string) => number) | undefined;

/**
 * Returns how many columns a text takes in a terminal. The library for other texts is loaded with the first one that
 * needs it: it prepares tables of Unicode, which takes longer than all else that a small command does.
 */
export function textWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  widthOfAny ??= (createRequire(import.meta.url)('string-width') as typeof import('string-width')).default;
  return widthOfAny(text);
}
