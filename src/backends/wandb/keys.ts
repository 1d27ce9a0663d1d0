/**
 * Maps names of tags to keys of history rows. A character that a row or a panel cannot hold is written `~<hex>~` (its
 * code point; `~~` means nothing), so that the tag can be derived from the key alone.
 */

/** The prefix of our own keys: no tag's key begins with it. */
export const OWN_PREFIX = 'mirrorboard/';
/** The key for the step of a row's points. */
export const STEP_KEY = 'global_step';

/**
 * Characters that databases, panels or paths cannot handle: controls, invisible characters, unpaired surrogates, line
 * separators, the backslash, and our own escape character.
 */
const ODD = /[~\\\p{C}\p{Zl}\p{Zp}]/u;
const EACH_ODD = /[~\\\p{C}\p{Zl}\p{Zp}]/gu;

/** Returns the key of a tag; `tagOf` reverses it. */
export function keyOf(tag: string): string {
  if (tag === '') return '~~';
  let key = ODD.test(tag) ? tag.replace(EACH_ODD, escaped) : tag;
  // Keys with a leading underscore belong to the service.
  if (key.startsWith('_') || key.startsWith(OWN_PREFIX)) key = escaped(key[0] as string) + key.slice(1);
  if (key === STEP_KEY || key.endsWith(`/${STEP_KEY}`)) key = `${key.slice(0, -STEP_KEY.length)}~67~${STEP_KEY.slice(1)}`;
  return key;
}

/** Returns the tag of a key. */
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

/** Returns a part of a file's path: only letters, digits, `_` and `-`. The hash in the path distinguishes files. */
export function fileNameOf(tag: string): string {
  const plain = tag.replace(/[^A-Za-z0-9_-]+/g, '_').slice(0, 80);
  return plain === '' ? '_' : plain;
}

/**
 * The keys of one tracker run's tags. Some of the service's indexes ignore case, so if tags differ only by case, all
 * but the first get `~~` at the end, which means nothing: which one came first only matters to people, never for
 * reading back.
 */
export class RowKeys {
  readonly #keys = new Map<string, string>();
  readonly #byCase = new Map<string, string>();
  readonly #renamed = new Map<string, string>();
  /** True if a name was assigned since the list of `renamed` was taken. */
  hasNews = false;

  /** Creates the keys. `renamed`: names that were assigned earlier, by key. */
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

/** The most renamed keys listed for people; each key identifies its tag anyway. */
const MOST_LISTED = 2000;
