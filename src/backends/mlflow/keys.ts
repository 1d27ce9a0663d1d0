/**
 * Names of metrics, params and tags. MLflow accepts letters, digits and `_ - . / space`, and only names that are
 * their own normal path (`validate_param_and_metric_name` and `path_not_unique` in `mlflow/utils/validation.py`).
 * `keyOf` writes anything else as `.x<hex>.` (the code point; `.x.` for an empty name), so that `tagOf` gets the
 * original back from the name alone.
 */
import { createHash } from 'node:crypto';
import { KEY_LENGTH } from './limits.ts';
import type { Characters, StoreFacts } from './store-facts.ts';

/**
 * Characters that are plain in a name. The colon is not: servers on Windows (`is_windows` in
 * `mlflow/utils/validation.py`) and older ones refuse it, and a name must not depend on the server.
 */
const PLAIN = /^[\p{L}\p{N}_\-. /]$/u;
const PLAIN_ASCII = /^[A-Za-z0-9_\-. /]$/;
const PLAIN_NARROW = /^(?![\u{10000}-\u{10ffff}])[\p{L}\p{N}_\-. /]$/u;
const BEYOND_NARROW = /[\u{10000}-\u{10ffff}]/u;
const BEYOND_ASCII = /[^\x20-\x7e\n\t\r]/;
/** A character after `.x` and hexadecimal digits that shows that they are no escape. */
const HARMLESS = /^[\p{L}\p{N}_\- ]/u;

/** Prefix of mirrorboard's own names: a tag with this prefix is escaped. */
export const RESERVED = 'mirrorboard.';
/** Prefix of metrics that are derived from histograms. */
export const DERIVED_PREFIX = `${RESERVED}derived/`;

const SHORTENED_LENGTH = 200;

/** The limits of a store for the names of metrics: what it cannot tell apart or hold. */
export interface KeyOptions extends Partial<Characters & Pick<StoreFacts, 'foldsNames' | 'foldsLetters'>> {
  /**
   * True for a file store. It keeps a metric in a file of that name, so `a` and `a/b` cannot both exist, and `/` is
   * escaped.
   */
  readonly isFlat?: boolean;
  /** Most code points of a name; default: `KEY_LENGTH`. */
  readonly mostLength?: number;
}

/** Returns the name under which a tag is stored. Two tags never have the same. */
export function keyOf(tag: string, options: KeyOptions = {}): string {
  const most = options.mostLength ?? KEY_LENGTH;
  const escaped = escapeName(tag, options.isFlat === true, plainOf(options));
  const points = [...escaped];
  if (points.length <= most) return escaped;
  const hash = createHash('sha256').update(tag).digest('hex').slice(0, 16);
  // A cut name must not end in slashes and dots, which a path would lose.
  const kept = points
    .slice(0, Math.min(SHORTENED_LENGTH, most - 18))
    .join('')
    .replace(/(?<![/.])[/.]+$/, '');
  return `${kept}.h${hash}`;
}

/**
 * Returns the characters that need no escape: the store holds them, and does not confuse them in a way that we do not
 * know.
 */
function plainOf({ isAscii, isNarrow, foldsNames, foldsLetters }: KeyOptions): RegExp {
  if (isAscii === true || foldsLetters === true) return PLAIN_ASCII;
  // An older collation of MySQL treats all characters beyond U+FFFF as one.
  return isNarrow === true || foldsNames === true ? PLAIN_NARROW : PLAIN;
}

/**
 * True if the value of a run's tag can hold a tag as it is. Databases cannot hold half characters, and PostgreSQL
 * cannot hold NUL.
 */
export function isPublishable(tag: string, { tagLength, isAscii, isNarrow }: Characters & Pick<StoreFacts, 'tagLength'>): boolean {
  const isHeld = !(isAscii && BEYOND_ASCII.test(tag)) && !(isNarrow && BEYOND_NARROW.test(tag));
  return isHeld && tag.length <= tagLength && tag.isWellFormed() && !tag.includes('\0');
}

/** True if a key may be cut: then its tag must be stored elsewhere. */
export function isCut(key: string): boolean {
  return /\.h[0-9a-f]{16}(?:\.x\.){0,8}$/.test(key);
}

/** Undoes `keyOf` for every key that was not cut. */
export function tagOf(key: string): string {
  return key.replace(/\.x([0-9a-f]*)\./g, (whole, hex: string) => {
    if (hex === '') return '';
    const point = Number.parseInt(hex, 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}

function escapeName(tag: string, isFlat: boolean, plain: RegExp): string {
  if (tag === '') return '.x.';
  // Most names are plain and stay as they are.
  if (!isFlat && /^[a-zA-Z0-9_-]+(?:\/[a-zA-Z0-9_-]+)*$/.test(tag)) return tag;
  let out = '';
  const points = [...tag];
  const isReserved = tag.startsWith(RESERVED);
  for (const [i, point] of points.entries()) {
    const isEscaped =
      !plain.test(point) ||
      (i === 0 && isReserved) ||
      (point === '/' && (isFlat || isEmptyPart(points, i))) ||
      (point === '.' && (isDotPart(points, i) || looksLikeEscape(points, i) || (i === 0 && !isSingle(points[1], plain))));
    out += isEscaped ? `.x${(point.codePointAt(0) ?? 0).toString(16)}.` : point;
  }
  return out;
}

/** True for a slash at either end, or after another one. */
function isEmptyPart(points: readonly string[], i: number): boolean {
  return i === 0 || i === points.length - 1 || points[i - 1] === '/';
}

/**
 * True if the second character allows a dot before it: a name must not begin with two dots, and an escape begins with
 * one.
 */
function isSingle(second: string | undefined, plain: RegExp): boolean {
  return second !== undefined && second !== '.' && plain.test(second);
}

/** True for a dot of a part that is `.` or `..`: paths lose those. */
function isDotPart(points: readonly string[], i: number): boolean {
  let start = i;
  while (start > 0 && points[start - 1] !== '/') start--;
  let end = i + 1;
  while (end < points.length && points[end] !== '/') end++;
  const part = points.slice(start, end);
  return part.length <= 2 && part.every((point) => point === '.');
}

/** True for a dot that reads as the beginning of an escape, or could become one with the text after it. */
function looksLikeEscape(points: readonly string[], i: number): boolean {
  if (points[i + 1] !== 'x') return false;
  let end = i + 2;
  while (end < points.length && /^[0-9a-f]$/.test(points[end] ?? '')) end++;
  const next = points[end];
  return next === undefined || !HARMLESS.test(next);
}

/**
 * Makes a part of an artifact's path from a tag: `/` becomes `~`, as the grid of images wants it, and what is not
 * plain ASCII is escaped. At most 120 characters.
 */
export function fileNameOf(tag: string): string {
  let out = '';
  for (const point of tag) {
    if (/^[A-Za-z0-9_\- ]$/.test(point)) out += point;
    else if (point === '/') out += '~';
    else if (point === '.' && out !== '' && !out.endsWith('.')) out += '.';
    else out += `.x${(point.codePointAt(0) ?? 0).toString(16)}.`;
  }
  const text = out === '' ? '.x.' : out.replace(/^ | $/g, '_');
  if (text.length <= 120) return text;
  return `${text.slice(0, 100)}.h${createHash('sha256').update(tag).digest('hex').slice(0, 16)}`;
}
