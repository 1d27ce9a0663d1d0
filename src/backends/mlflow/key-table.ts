import { DERIVED_PREFIX, type KeyOptions, keyOf } from './keys.ts';
import { KEY_LENGTH } from './limits.ts';

/** Stands for nothing in a name: `tagOf` drops it. No tag's own key ends so, since what looks like an escape is escaped. */
const NOTHING = '.x.';

/**
 * The keys of one run's metrics, or of its params. Where a database takes names for one that differ only by case, accents or
 * trailing blanks, all but the first get `.x.` behind them. Which one came first is told by what the run holds already; for
 * reading back it does not matter.
 */
export class KeyTable {
  readonly #options: KeyOptions;
  readonly #folds: boolean;
  readonly #keys = new Map<string, string>();
  /** The key that has a folded name. */
  readonly #byFold = new Map<string, string>();

  /** `held`: the keys that are there. */
  constructor(options: KeyOptions & { readonly foldsNames?: boolean }, held: Iterable<string> = []) {
    this.#options = options;
    this.#folds = options.foldsNames === true;
    if (!this.#folds) return;
    for (const key of held) {
      const name = key.startsWith(DERIVED_PREFIX) ? key.slice(0, key.lastIndexOf('/')) : key;
      this.#byFold.set(foldOf(name), name);
    }
  }

  /** The key of a tag, below a prefix where it is derived from it. `mostLength`: of the key, prefix included. */
  keyOf(tag: string, prefix = '', mostLength = KEY_LENGTH): string {
    const name = `${prefix}\n${tag}`;
    let key = this.#keys.get(name);
    if (key === undefined) {
      key = this.#newKey(tag, prefix, mostLength - prefix.length);
      this.#keys.set(name, key);
    }
    return key;
  }

  #newKey(tag: string, prefix: string, most: number): string {
    const plain = prefix + keyOf(tag, { ...this.#options, mostLength: most });
    if (!this.#folds) return plain;
    let key = plain;
    for (let marks = 1; this.#isTaken(key); marks++) {
      key = prefix + keyOf(tag, { ...this.#options, mostLength: most - marks * NOTHING.length }) + NOTHING.repeat(marks);
    }
    this.#byFold.set(foldOf(key), key);
    return key;
  }

  #isTaken(key: string): boolean {
    const holder = this.#byFold.get(foldOf(key));
    return holder !== undefined && holder !== key;
  }
}

/**
 * What a name is to a database that compares loosely. Rather too much is taken for one than too little: that costs three
 * characters, a missed one costs the points. MySQL's older collation takes ß for s, and all characters beyond the first 65,536
 * for one.
 */
export function foldOf(name: string): string {
  // Most names: there is nothing in them but case and blanks.
  const plain = /^[\x20-\x7e]*$/.test(name)
    ? name
    : name
        .normalize('NFKD')
        .replace(/\p{M}/gu, '')
        .replace(/[\u{10000}-\u{10ffff}]/gu, '\ufffd')
        .toUpperCase()
        .replace(/[\u30a1-\u30f6]/g, (kana) => String.fromCharCode(kana.charCodeAt(0) - 0x60));
  return plain.toLowerCase().replaceAll('ss', 's').trimEnd();
}
