import { styleText } from 'node:util';
import type { Environment } from '../../environment.ts';

/** The value of `--color`; with `auto` (the default), the environment and the stream decide. */
export type ColorChoice = 'auto' | 'always' | 'never';

/** A stream of text; only terminals know how many colours they have. */
interface TextStream {
  readonly isTTY?: boolean | undefined;
  getColorDepth?(env?: object): number;
}

/** The facts that decide if colours are used. */
interface ColorQuestion {
  readonly stream: TextStream;
  readonly env: Environment;
  /** The value of `--color`. */
  readonly choice?: ColorChoice;
}

/**
 * The emphasis of a text for one stream. It must not carry meaning alone: the plain style returns texts unchanged.
 */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
}

const same = (text: string): string => text;

/** The style for pipes, files, and terminals without colour. */
export const plainStyle: Style = { bold: same, dim: same, red: same, green: same, yellow: same };

const coloredStyle: Style = {
  bold: (text) => styleText('bold', text, { validateStream: false }),
  dim: (text) => styleText('dim', text, { validateStream: false }),
  red: (text) => styleText('red', text, { validateStream: false }),
  green: (text) => styleText('green', text, { validateStream: false }),
  yellow: (text) => styleText('yellow', text, { validateStream: false }),
};

/** Returns the style for a stream, by `isColored`. */
export function styleFor(question: ColorQuestion): Style {
  return isColored(question) ? coloredStyle : plainStyle;
}

/**
 * True if colours are used. The order: `--color`; then FORCE_COLOR (as Node reads it: 0 and false mean no); then
 * NO_COLOR if it is not empty, and TERM=dumb; then the stream, if it is a terminal with colours.
 */
export function isColored({ stream, env, choice = 'auto' }: ColorQuestion): boolean {
  if (choice !== 'auto') return choice === 'always';
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return ['', '1', '2', '3', 'true'].includes(forced);
  if ((env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb') return false;
  return stream.isTTY === true && (stream.getColorDepth?.(env) ?? 1) > 1;
}
