/**
 * As a shell writes it: three octal digits, or four that begin with 0. The owner's is 0: we have to read what we
 * write.
 */
export function isUmask(text: string): boolean {
  return /^0?0[0-7]{2}$/.test(text);
}

/** A umask from its octal digits, which were validated before. */
export function parseUmask(text: string): number {
  return Number.parseInt(text, 8);
}
