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
    '#4c51c7',
    '#cf7b26',
    '#9c72fe',
    '#b74b5e',
    '#284700',
    '#0126a3',
    '#4677ad',
    '#853050',
    '#c77b67',
    '#4e47ee',
    '#025884',
    '#856b1b',
    '#8c73d1',
    '#5301c4',
    '#287b88',
    '#6b183a',
    '#2f4087',
    '#2ea095',
    '#616ae2',
    '#df2414',
    '#34698c',
    '#8a0700',
    '#52256a',
    '#5d93b8',
  ],
  dark: [
    '#6c76ff',
    '#e2b40a',
    '#b656bf',
    '#d47960',
    '#b2f89b',
    '#b2bdf5',
    '#4158fa',
    '#ad524e',
    '#e9a89c',
    '#7d92d3',
    '#a1f0ff',
    '#ece95c',
    '#655cd6',
    '#a8aaff',
    '#59a697',
    '#d33222',
    '#48769e',
    '#b6f2cb',
    '#7c89f6',
    '#fdab74',
    '#51b7d0',
    '#ea6a09',
    '#925f7f',
    '#8dddeb',
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
