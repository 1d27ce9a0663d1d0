import { DERIVED_PREFIX, type KeyOptions, keyOf } from './keys.ts';
import { KEY_LENGTH } from './limits.ts';

/**
 * Stands for nothing in a name: `tagOf` drops it. No tag's own key ends so, since what looks like an escape is
 * escaped.
 */
const NOTHING = '.x.';
/** A database that takes even a name with so many of them for another one has something else against it. */
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
  /** The key that has a folded name. */
  readonly #byFold = new Map<string, string>();
  /** Keys that are there, by what they are without `.x.` behind them. */
  readonly #held = new Map<string, string>();
  /** Keys that are no longer given: the database takes them for others, or a store of files has folders there. */
  readonly #evaded = new Set<string>();

  /** `held`: the keys that are there. */
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

  /** The key of a tag, with a prefix if it is derived from it. `mostLength`: of the key, including the prefix. */
  keyOf(tag: string, prefix = '', mostLength = KEY_LENGTH): string {
    const place = `${prefix}\n${tag}`;
    let made = this.#made.get(place);
    if (made === undefined) {
      made = { tag, prefix, mostLength, key: this.#newKey(tag, prefix, mostLength - prefix.length) };
      this.#made.set(place, made);
    }
    return made.key;
  }

  /** Gives the tag of a key that the database takes for another one a new key; undefined if that does not help. */
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
    // Also as it was before it was known what the store does with names.
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

/** Folders that a store of files has for a key: `a` and `a/b` for `a/b/c`. */
function foldersOf(key: string): readonly string[] {
  return [...key.matchAll(/\//g)].map(({ index }) => key.slice(0, index));
}

function unmarked(name: string): string {
  let end = name.length;
  while (name.endsWith(NOTHING, end)) end -= NOTHING.length;
  return name.slice(0, end);
}

/** A key without the statistic at its end, if it is derived. */
function parted(key: string): { readonly name: string; readonly rest: string } {
  const end = key.startsWith(DERIVED_PREFIX) ? key.lastIndexOf('/') : key.length;
  return { name: key.slice(0, end), rest: key.slice(end) };
}

/**
 * What a name is to a database that compares loosely. Rather too much is treated as one than too little: that costs
 * three characters, a missed one costs requests. MySQL's older collation takes ß for s.
 */
export function foldOf(name: string): string {
  // Most names: there is nothing in them but case and blanks.
  const plain = /^[\x20-\x7e]*$/.test(name)
    ? name
    : name
        .normalize('NFKD')
        .replace(/\p{M}/gu, '')
        .toUpperCase()
        .replace(/[\u30a1-\u30f6]/g, (kana) => String.fromCharCode(kana.charCodeAt(0) - 0x60));
  return plain.toLowerCase().replaceAll('ss', 's').trimEnd();
}
