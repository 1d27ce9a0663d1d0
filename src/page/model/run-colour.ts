/** The colour of a run: always the same one for the same run, told apart also by the colour-blind. */

/** The colours of the page as a whole. */
export type Theme = 'light' | 'dark';

/**
 * As many as still look different, each from every other one, with the common forms of colour blindness: found by a
 * search. test/unit/page/run-colour.test.ts computes how far apart they look. The same place has a similar hue in both.
 */
const PALETTES: Readonly<Record<Theme, readonly string[]>> = {
  light: [
    '#974e66',
    '#aa6c73',
    '#971c11',
    '#6f1a11',
    '#be8170',
    '#e25d1d',
    '#7f652e',
    '#159425',
    '#295935',
    '#336cfa',
    '#4c5b8b',
    '#3f4683',
    '#3f42a8',
    '#5941da',
    '#847ffc',
    '#6f55b0',
    '#4f0e8a',
    '#9e80d1',
    '#80689a',
    '#9b5dd3',
    '#670463',
    '#bc79a3',
    '#920864',
    '#632241',
  ],
  dark: [
    '#c78794',
    '#aa5e61',
    '#efaf9d',
    '#c66d54',
    '#c65802',
    '#c38e6c',
    '#fad68d',
    '#83ac29',
    '#7cd55b',
    '#65a1d6',
    '#6f6a9e',
    '#4158fa',
    '#6291f7',
    '#257ef8',
    '#9563dd',
    '#beaef5',
    '#8f46cb',
    '#ebc4f7',
    '#b763bf',
    '#bf84b9',
    '#c0688e',
    '#fcb8c6',
    '#e7a1cd',
    '#be2b86',
  ],
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
