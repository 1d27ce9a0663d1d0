/**
 * True if a text is a umask as a shell writes it: three octal digits, or four that begin with 0. The owner's digit is
 * 0: mirrorboard must read what it writes.
 */
export function isUmask(text: string): boolean {
  return /^0?0[0-7]{2}$/.test(text);
}

/** Parses a umask from its octal digits, which were validated before. */
export function parseUmask(text: string): number {
  return Number.parseInt(text, 8);
}
