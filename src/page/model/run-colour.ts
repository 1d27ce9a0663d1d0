/** The colour of a run: always the same one for the same run, told apart also by the colour-blind. */

/** The colours of the page as a whole. */
export type Theme = 'light' | 'dark';

/**
 * As many as still look different, each from every other one, with the common forms of colour blindness. Those that
 * are close in the list differ most, so that runs next to each other do. Found by a search;
 * test/unit/page/run-colour.test.ts computes how far apart they look. The same place has a similar hue in both.
 */
const PALETTES: Readonly<Record<Theme, readonly string[]>> = {
  light: [
    '#299f9c',
    '#2d19a2',
    '#5939e4',
    '#2277a0',
    '#aa4049',
    '#6e1c03',
    '#c95b0a',
    '#6b3767',
    '#7783fe',
    '#241bc5',
    '#b25977',
    '#844420',
    '#5d67d0',
    '#652e3c',
    '#4696c0',
    '#3b4fa5',
    '#749868',
    '#3c2e77',
    '#9c486e',
    '#8e52fd',
    '#9a5505',
    '#7676c6',
    '#e36654',
    '#690f51',
  ],
  dark: [
    '#8dddeb',
    '#5a71a1',
    '#7b71fc',
    '#67b6c3',
    '#fc7c69',
    '#d40728',
    '#efc694',
    '#dd0987',
    '#638ce4',
    '#8ac8fe',
    '#de809e',
    '#ea900e',
    '#864ad2',
    '#d15838',
    '#a0f1fa',
    '#77b4ea',
    '#d2f257',
    '#9e7aa9',
    '#ed9b95',
    '#5552f9',
    '#f9a726',
    '#68a2f8',
    '#ec672a',
    '#c82360',
  ],
};

/** The last number of a name, unless it is a fraction, as in `lr_0.01`: then the next one is no neighbour. */
const LAST_NUMBER = /(?<![\d.])(\d{1,9})(?![\d.])(?=\D*$)/;

/** Returns the colour of a run, by its id `ROOT/PATH`, for light or dark paper. */
export function runColour(id: string, theme: Theme): string {
  const palette = PALETTES[theme];
  const number = LAST_NUMBER.exec(id);
  // `seed_1` and `seed_2` are close in each list: their colours are close in the palette.
  const place =
    number === null
      ? hashOf(id)
      : (hashOf(id.slice(0, number.index) + id.slice(number.index + number[0].length)) % palette.length) + Number(number[0]);
  return palette[place % palette.length] ?? '';
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
