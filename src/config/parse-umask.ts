/** As a shell writes it: three octal digits, or four that begin with 0. */
export function isUmask(text: string): boolean {
  return /^0?[0-7]{3}$/.test(text);
}

export function parseUmask(text: string): number {
  return Number.parseInt(text, 8);
}
