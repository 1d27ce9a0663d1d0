/** The colour of a run: always the same one for the same run, told apart also by the colour-blind. */

/** The colours of the page as a whole. */
export type Theme = 'light' | 'dark';

/**
 * Hues that differ in lightness or between blue and yellow, which the common forms of colour blindness leave.
 * test/unit/page/run-colour.test.ts computes how far apart they look.
 */
const PALETTES: Readonly<Record<Theme, readonly string[]>> = {
  light: ['#5c3a02', '#7e5d07', '#719427', '#368986', '#445bfe', '#1e13ad', '#8f85d7', '#675ca9', '#620a6b', '#89375d'],
  dark: ['#de7519', '#d9b911', '#abfa8f', '#4af8e8', '#4c72ab', '#a9b5fb', '#8988e8', '#6b53fd', '#c187a4', '#b3575c'],
};

/** Returns the colour of a run, by its id `ROOT/PATH`, for light or dark paper. */
export function runColour(id: string, theme: Theme): string {
  const palette = PALETTES[theme];
  return palette[hashOf(id) % palette.length] ?? '';
}

/** The palette of a theme. */
export function paletteOf(theme: Theme): readonly string[] {
  return PALETTES[theme];
}

/** FNV-1a, and a last mix: the low bits of similar names differ too. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}
