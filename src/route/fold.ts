import { matcher } from '../pattern/index.ts';

/** The directories that are part of the run above them. */
export interface FoldRules {
  /** Globs of a directory's name: `train`, `eval_*`. */
  readonly names: readonly string[];
  /** Globs of directories whose names do not become part of tags: tags stay unchanged. */
  readonly flat: readonly string[];
  /** True to fold the directory that torch's `add_hparams` makes too: of several, the first. */
  readonly hparams: boolean;
}

/** The target of a run: the run whose tracker run it is part of, and the prefix of its tags there. */
export interface FoldedRun {
  readonly path: string;
  readonly prefix: string;
}

/** The known surroundings of a run. */
export interface Around {
  /**
   * Returns the names of the directories right below a path that are runs, or contain some; those that were chosen as
   * the first come first.
   */
  directoriesBelow(path: string): Iterable<string>;
  /** True if a directory was chosen as the first of its kind before: it stays the first. */
  isFirst(path: string): boolean;
}

/** A kind of directory of which there may be several; only the first is part of the run above it. */
interface Kind {
  readonly isOne: (name: string) => boolean;
  readonly compare: (a: string, b: string) => number;
}

/** The name that torch gives it: the time, in seconds. */
const HPARAMS_CHILD = /^\d{9,11}(\.\d+)?$/;

const SESSION: Kind = { isOne: (name) => HPARAMS_CHILD.test(name), compare: (a, b) => Number(a) - Number(b) || compareTexts(a, b) };

/** The rules that decide which runs go into the tracker run of another one. */
export class Fold {
  readonly #rules: FoldRules;
  readonly #isPart: (name: string) => boolean;
  readonly #isFlat: (name: string) => boolean;
  /** Globs of `flat` that may match several sibling directories. */
  readonly #kinds: readonly Kind[];

  constructor(rules: FoldRules) {
    this.#rules = rules;
    this.#isPart = anyOf(rules.names);
    this.#isFlat = anyOf(rules.flat);
    this.#kinds = rules.flat.filter(isWide).map((glob) => ({ isOne: anyOf([glob]), compare: compareNumbered }));
  }

  /** True if any run may be folded. */
  get isOn(): boolean {
    const { names, flat, hparams } = this.#rules;
    return names.length + flat.length > 0 || hparams;
  }

  /** True if the decision depends on the other directories. */
  get asksForOthers(): boolean {
    return this.#rules.hparams || this.#kinds.length > 0;
  }

  apply(path: string, around: Around): FoldedRun {
    const parts = path === '.' ? [] : path.split('/');
    const prefix: string[] = [];
    for (let name = parts.at(-1); name !== undefined; name = parts.at(-1)) {
      const kind = this.#kindOf(name);
      if (this.#isPart(name)) prefix.unshift(name);
      else if (kind === SESSION) {
        // A run has one set of hyperparameters: the sessions after the first are runs of their own.
        if (!isFirstOf(kind, parts, around)) break;
      } else if (kind !== undefined) {
        if (!isFirstOf(kind, parts, around)) prefix.unshift(name);
      } else if (!this.#isFlat(name)) break;
      parts.pop();
    }
    return { path: parts.length === 0 ? '.' : parts.join('/'), prefix: prefix.map((part) => `${part}/`).join('') };
  }

  /**
   * Returns the highest directory whose run a run may go into, whatever other directories there are: all runs that
   * can share a tracker run have the same one.
   */
  unit(path: string): string {
    const parts = path === '.' ? [] : path.split('/');
    for (let name = parts.at(-1); name !== undefined; name = parts.at(-1)) {
      if (!this.#isPart(name) && !this.#isFlat(name) && this.#kindOf(name) === undefined) break;
      parts.pop();
    }
    return parts.length === 0 ? '.' : parts.join('/');
  }

  /**
   * True if a directory that appears later could change where a run goes: a part of its path would be the first of
   * its kind, and was not chosen yet.
   */
  isOpen(path: string, around: Around): boolean {
    return this.#ambiguous(path).some(([parts, kind]) => !around.isFirst(parts.join('/')) && isFirstOf(kind, parts, around));
  }

  /**
   * Returns a directory that was chosen as the first of its kind, although one on the path of a run sorts before it.
   */
  overtaken(path: string, around: Around): string | undefined {
    for (const [parts, { isOne, compare }] of this.#ambiguous(path)) {
      for (const [name, other] of siblings(parts, around)) {
        if (isOne(name) && around.isFirst(other) && compare(name, parts.at(-1) ?? '') > 0) return other;
      }
    }
    return undefined;
  }

  /**
   * Returns the directories on the path of a run that are the first of their kind because the run went to this place.
   */
  firstsIn(path: string, apply: FoldedRun): string[] {
    const isAround = (directory: string): boolean => !leavesOut(path, apply, directory);
    return this.#ambiguous(path)
      .map(([parts]) => parts.join('/'))
      .filter(isAround);
  }

  /** Returns the directories on the path of a run of which there may be several. */
  #ambiguous(path: string): (readonly [parts: readonly string[], kind: Kind])[] {
    const found: (readonly [readonly string[], Kind])[] = [];
    const parts = path === '.' ? [] : path.split('/');
    for (let name = parts.at(-1); name !== undefined; name = parts.at(-1)) {
      const kind = this.#isPart(name) ? undefined : this.#kindOf(name);
      if (kind !== undefined) found.push([[...parts], kind]);
      else if (!this.#isPart(name) && !this.#isFlat(name)) break;
      parts.pop();
    }
    return found;
  }

  #kindOf(name: string): Kind | undefined {
    if (this.#rules.hparams && SESSION.isOne(name) && !this.#isFlat(name)) return SESSION;
    return this.#kinds.find(({ isOne }) => isOne(name));
  }
}

/**
 * True if a directory is the first of its kind among its siblings. A directory that was chosen before stays chosen.
 */
function isFirstOf({ isOne, compare }: Kind, parts: readonly string[], around: Around): boolean {
  const own = parts.at(-1) ?? '';
  for (const [name, path] of siblings(parts, around)) {
    if (!isOne(name)) continue;
    if (around.isFirst(path)) return name === own;
    if (compare(name, own) < 0) return false;
  }
  return true;
}

function* siblings(parts: readonly string[], around: Around): Generator<readonly [name: string, path: string], void, void> {
  const above = parts.slice(0, -1).join('/');
  for (const name of around.directoriesBelow(above === '' ? '.' : above)) yield [name, above === '' ? name : `${above}/${name}`];
}

/**
 * True if a directory on the path of a run is not part of its place: it is a run of its own, or a name before the
 * tags.
 */
function leavesOut(path: string, { path: target, prefix }: FoldedRun, directory: string): boolean {
  if (target === directory || target.startsWith(`${directory}/`)) return true;
  const named = prefix.split('/').slice(0, -1);
  const below = (target === '.' ? path : path.slice(target.length + 1)).split('/');
  const depth = directory.split('/').length - (target === '.' ? 0 : target.split('/').length);
  // Names before the tags are some of those on the path, in their order.
  let at = 0;
  for (const [i, name] of below.entries()) {
    const isNamed = name === named[at];
    if (isNamed) at++;
    if (i === depth - 1) return isNamed;
  }
  return false;
}

function compareNumbered(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true }) || compareTexts(a, b);
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** True if a glob can match more than one name. */
function isWide(glob: string): boolean {
  return /[*?[{(]/.test(glob);
}

function anyOf(globs: readonly string[]): (name: string) => boolean {
  return globs.length === 0 ? () => false : matcher(globs);
}
