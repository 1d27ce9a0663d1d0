// Colours of runs: how far apart they look, also to people who see two of the three primaries alike.
import { describe, expect, it } from '@jest/globals';
import { paletteOf, runColour, type Theme } from '../../../src/page/model/run-colour.ts';

type Rgb = readonly [r: number, g: number, b: number];

/** The paper of each theme, as in src/page/browser/shell/shell.css. */
const PAPER: Readonly<Record<Theme, string>> = { light: '#ffffff', dark: '#15181c' };

/** What each kind of colour blindness leaves of linear colours (Machado, Oliveira and Fernandes, 2009, severity 1). */
const SIGHTS: Readonly<Record<string, readonly Rgb[]>> = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
};

function linear(hex: string): Rgb {
  const channel = (at: number): number => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return [channel(1), channel(3), channel(5)];
}

function seen(colour: Rgb, sight: readonly Rgb[]): Rgb {
  const [r, g, b] = sight.map((row) => Math.min(1, Math.max(0, row[0] * colour[0] + row[1] * colour[1] + row[2] * colour[2])));
  return [r!, g!, b!];
}

function lightness([r, g, b]: Rgb): number {
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [x, y] = [lightness(linear(a)) + 0.05, lightness(linear(b)) + 0.05];
  return Math.max(x, y) / Math.min(x, y);
}

/** The distance in Oklab, in which equal distances look about equal; 0.02 is just visible side by side. */
function distance(a: Rgb, b: Rgb): number {
  const [p, q] = [oklab(a), oklab(b)];
  return Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
}

function oklab([r, g, b]: Rgb): Rgb {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

describe.each(['light', 'dark'] as const)('the colours on %s paper', (theme) => {
  const palette = paletteOf(theme);

  it('stand out from the paper', () => {
    expect(palette.filter((colour) => contrast(colour, PAPER[theme]) < 3)).toEqual([]);
  });

  it.each(Object.entries(SIGHTS))('look different with %s sight', (_, sight) => {
    const close = palette.flatMap((a, i) =>
      palette.slice(i + 1).flatMap((b) => {
        const apart = distance(seen(linear(a), sight), seen(linear(b), sight));
        return apart < 0.05 ? [`${a} ${b}: ${apart.toFixed(3)}`] : [];
      }),
    );
    expect(close).toEqual([]);
  });

  it.each(Object.entries(SIGHTS))('differ strongly between runs that are next to each other, with %s sight', (name, sight) => {
    const least = name === 'normal' ? 0.17 : 0.13;
    const apart = (a: string, b: string): number =>
      distance(seen(linear(runColour(a, theme)), sight), seen(linear(runColour(b, theme)), sight));
    const close: string[] = [];
    for (const run of [(i: number) => `logs/exp/seed_${i}`, (i: number) => `logs/run_${String(i).padStart(4, '0')}/train`]) {
      for (let i = 0; i < 50; i++) {
        for (let by = 1; by <= 5; by++) {
          const [a, b] = [run(i), run(i + by)];
          if (apart(a, b) < (by === 1 ? least : 0.09)) close.push(`${a} ${b}: ${apart(a, b).toFixed(3)}`);
        }
      }
    }
    expect(close).toEqual([]);
  });

  it('are several for fractions that end in the same digit, and exist for numbers of any length', () => {
    const colours = ['lr_0.1', 'lr_0.01', 'lr_0.001', 'lr_0.0001'].map((run) => runColour(`logs/${run}`, theme));
    expect(new Set(colours).size).toBeGreaterThan(2);
    expect(palette).toContain(runColour('logs/20261130123456789012345', theme));
  });

  it('belong to runs for good, and are given out evenly', () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 8000; i++) {
      const colour = runColour(`logs/exp/seed_${i}`, theme);
      counts.set(colour, (counts.get(colour) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual([...palette].sort());
    expect(Math.max(...counts.values()) / Math.min(...counts.values())).toBeLessThan(1.3);
    expect(palette.indexOf(runColour('logs/exp1/train', theme))).toBe(palette.indexOf(runColour('logs/exp1/train', theme)));
  });
});

it('a run has the same hue on light and dark paper', () => {
  expect(paletteOf('light').length).toBe(paletteOf('dark').length);
  const at = (theme: Theme): number => paletteOf(theme).indexOf(runColour('logs/exp1/train', theme));
  expect(at('light')).toBe(at('dark'));
});
