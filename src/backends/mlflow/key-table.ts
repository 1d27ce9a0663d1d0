import { DERIVED_PREFIX, type KeyOptions, keyOf } from './keys.ts';
import { KEY_LENGTH } from './limits.ts';

/**
 * A mark that means nothing in a name: `tagOf` drops it. No tag's own key ends with it, since `keyOf` escapes what
 * looks like an escape.
 */
const NOTHING = '.x.';
/** Most marks for one name. If the database confuses even such a name with another one, marks do not help. */
const MOST_MARKS = 8;

interface Made {
  readonly tag: string;
  readonly prefix: string;
  readonly mostLength: number;
  readonly key: string;
}

/**
 * The keys of one run's metrics, or of its params. They are part of a primary key (`metric_pk`, `param_pk` in
 * `mlflow/store/tracking/dbmodels/models.py`). If a database treats names as equal that differ only by case,
 * accents or trailing blanks, all but the first get `.x.` at the end. The content of the run decides which one came
 * first; for reading back it does not matter. A key that the run has stays the key of its tag.
 */
export class KeyTable {
  readonly #options: KeyOptions;
  readonly #folds: boolean;
  readonly #made = new Map<string, Made>();
  /** The key of each folded name. */
  readonly #byFold = new Map<string, string>();
  /** Keys that the run holds, by their text without `.x.` at the end. */
  readonly #held = new Map<string, string>();
  /**
   * Keys that are no longer used: the database confuses them with others, or a file store has folders of that name.
   */
  readonly #evaded = new Set<string>();

  /** `held`: the keys that the run holds. */
  constructor(options: KeyOptions, held: Iterable<string> = []) {
    this.#options = options;
    this.#folds = options.foldsNames === true;
    for (const key of held) {
      const { name } = parted(key);
      this.#held.set(unmarked(name), name);
      if (this.#folds) this.#byFold.set(foldOf(name), name);
      if (options.isFlat === true && !name.startsWith(DERIVED_PREFIX)) for (const folder of foldersOf(name)) this.#evaded.add(folder);
    }
  }

  /**
   * Returns the key of a tag, with a prefix if the key is derived from the tag. `mostLength` is the key's, including
   * the prefix.
   */
  keyOf(tag: string, prefix = '', mostLength = KEY_LENGTH): string {
    const place = `${prefix}\n${tag}`;
    let made = this.#made.get(place);
    if (made === undefined) {
      made = { tag, prefix, mostLength, key: this.#newKey(tag, prefix, mostLength - prefix.length) };
      this.#made.set(place, made);
    }
    return made.key;
  }

  /**
   * Gives the tag of a key that the database confuses with another one a new key. Returns undefined if that does not
   * help.
   */
  evade(key: string): { readonly tag: string; readonly key: string } | undefined {
    const { name, rest } = parted(key);
    const [place, made] = [...this.#made].find(([, each]) => each.key === name) ?? [];
    if (place === undefined || made === undefined || name.endsWith(NOTHING.repeat(MOST_MARKS))) return undefined;
    this.#evaded.add(name);
    this.#made.delete(place);
    return { tag: made.tag, key: this.keyOf(made.tag, made.prefix, made.mostLength) + rest };
  }

  #newKey(tag: string, prefix: string, most: number): string {
    const marked = (marks: number): string =>
      prefix + keyOf(tag, { ...this.#options, mostLength: most - marks * NOTHING.length }) + NOTHING.repeat(marks);
    // Also the key that a tag got before mirrorboard knew how the store treats names.
    const wide = { mostLength: most };
    const held = this.#held.get(unmarked(marked(0))) ?? this.#held.get(unmarked(prefix + keyOf(tag, wide)));
    if (held !== undefined && !this.#isTaken(held)) return held;
    let marks = 0;
    while (this.#isTaken(marked(marks))) marks++;
    if (this.#folds) this.#byFold.set(foldOf(marked(marks)), marked(marks));
    return marked(marks);
  }

  #isTaken(key: string): boolean {
    if (this.#evaded.has(key)) return true;
    const holder = this.#folds ? this.#byFold.get(foldOf(key)) : undefined;
    return holder !== undefined && holder !== key;
  }
}

/** Returns the folders that a file store has for a key: `a` and `a/b` for `a/b/c`. */
function foldersOf(key: string): readonly string[] {
  return [...key.matchAll(/\//g)].map(({ index }) => key.slice(0, index));
}

function unmarked(name: string): string {
  let end = name.length;
  while (name.endsWith(NOTHING, end)) end -= NOTHING.length;
  return name.slice(0, end);
}

/** Splits a derived key into its name and the statistic at its end. */
function parted(key: string): { readonly name: string; readonly rest: string } {
  const end = key.startsWith(DERIVED_PREFIX) ? key.lastIndexOf('/') : key.length;
  return { name: key.slice(0, end), rest: key.slice(end) };
}

/**
 * Folds a name as a database does that compares loosely. Folding too much is better than too little: it costs three
 * characters, but a missed case costs requests. MySQL's older collation treats ß as s.
 */
export function foldOf(name: string): string {
  // Most names are ASCII: only case and blanks can differ.
  const plain = /^[\x20-\x7e]*$/.test(name)
    ? name
    : name
        .normalize('NFKD')
        .replace(/\p{M}/gu, '')
        .toUpperCase()
        .replace(/[\u30a1-\u30f6]/g, (kana) => String.fromCharCode(kana.charCodeAt(0) - 0x60));
  return plain.toLowerCase().replaceAll('ss', 's').trimEnd();
}
