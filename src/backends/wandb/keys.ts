/**
 * Names of tags as keys of history rows. A character that a row or a panel does not bear is written `~<hex>~` (its
 * code point; `~~` means nothing), so that the tag can be had back from the key alone.
 */

/** Keys of our own: no tag's key begins so. */
export const OWN_PREFIX = 'mirrorboard/';
/** The key of a row that holds the step of its points. */
export const STEP_KEY = 'global_step';

/**
 * What databases, panels or paths stumble over: controls, invisible signs, half characters, separators of lines,
 * backslash, and our own sign.
 */
const ODD = /[~\\\p{C}\p{Zl}\p{Zp}]/u;
const EACH_ODD = /[~\\\p{C}\p{Zl}\p{Zp}]/gu;

/** The key of a tag; `tagOf` gives the tag back. */
export function keyOf(tag: string): string {
  if (tag === '') return '~~';
  let key = ODD.test(tag) ? tag.replace(EACH_ODD, escaped) : tag;
  // Keys with an underscore in front are the service's own.
  if (key.startsWith('_') || key.startsWith(OWN_PREFIX)) key = escaped(key[0] as string) + key.slice(1);
  if (key === STEP_KEY || key.endsWith(`/${STEP_KEY}`)) key = `${key.slice(0, -STEP_KEY.length)}~67~${STEP_KEY.slice(1)}`;
  return key;
}

/** The tag of a key. */
export function tagOf(key: string): string {
  if (!key.includes('~')) return key;
  return key.replace(/~([0-9a-f]*)~/g, (whole, hex: string) => {
    if (hex === '') return '';
    const point = Number.parseInt(hex, 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}

function escaped(character: string): string {
  return `~${(character.codePointAt(0) ?? 0).toString(16)}~`;
}

/** A part of a file's path: letters, digits and the like; what tells files apart is their hash. */
export function fileNameOf(tag: string): string {
  const plain = tag.replace(/[^A-Za-z0-9_-]+/g, '_').slice(0, 80);
  return plain === '' ? '_' : plain;
}

/**
 * The keys of one tracker run's tags. Tags that differ only by case are one to some of the service's indexes, so all
 * but the first get `~~` behind them, which means nothing: which one came first is for people, never for reading
 * back.
 */
export class RowKeys {
  readonly #keys = new Map<string, string>();
  readonly #byCase = new Map<string, string>();
  readonly #renamed = new Map<string, string>();
  /** True if a name was given that is not in the list of `renamed` which was taken. */
  hasNews = false;

  /** `renamed`: names that were given earlier, by key. */
  constructor(renamed: Iterable<readonly [key: string, tag: string]> = []) {
    for (const [key, tag] of renamed) {
      if (tagOf(key) !== tag) continue;
      this.#keys.set(tag, key);
      this.#byCase.set(key.toLowerCase(), tag);
      this.#renamed.set(key, tag);
    }
  }

  keyOf(tag: string): string {
    const known = this.#keys.get(tag);
    if (known !== undefined) return known;
    let key = keyOf(tag);
    while (this.#byCase.has(key.toLowerCase())) key += '~~';
    this.#byCase.set(key.toLowerCase(), tag);
    this.#keys.set(tag, key);
    if (key !== tag && this.#renamed.size < MOST_LISTED) {
      this.#renamed.set(key, tag);
      this.hasNews = true;
    }
    return key;
  }

  get renamed(): ReadonlyMap<string, string> {
    return this.#renamed;
  }
}

/** Renamed keys that are listed for people; each tells its tag on its own anyway. */
const MOST_LISTED = 2000;
