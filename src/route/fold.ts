import { matcher } from '../pattern/index.ts';

/** Which directories are part of the run above them. */
export interface FoldRules {
  /** Globs of a directory's name: `train`, `eval_*`. */
  readonly names: readonly string[];
  /** The same, but their names say nothing: tags stay as they are. */
  readonly flat: readonly string[];
  /** Also the one that torch's `add_hparams` makes, where there is one of them. */
  readonly hparams: boolean;
}

/** Where a run goes: the run whose tracker run it is part of, and what stands before its tags there. */
export interface Place {
  readonly path: string;
  readonly prefix: string;
}

/** The name torch gives it: the time, in seconds. */
const HPARAMS_CHILD = /^\d{9,11}(\.\d+)?$/;

export class Fold {
  readonly #rules: FoldRules;
  readonly #isPart: (name: string) => boolean;
  readonly #isFlat: (name: string) => boolean;

  constructor(rules: FoldRules) {
    this.#rules = rules;
    this.#isPart = anyOf(rules.names);
    this.#isFlat = anyOf(rules.flat);
  }

  /** Whether any run may be folded. */
  get isOn(): boolean {
    const { names, flat, hparams } = this.#rules;
    return names.length + flat.length > 0 || hparams;
  }

  /** Whether it matters which other directories there are. */
  get asksForOthers(): boolean {
    return this.#rules.hparams;
  }

  /** `childrenOf`: names of the directories right below a run that are runs themselves, as far as they are known. */
  place(path: string, childrenOf: (path: string) => Iterable<string>): Place {
    const parts = path === '.' ? [] : path.split('/');
    const prefix: string[] = [];
    for (let name = parts.at(-1); name !== undefined; name = parts.at(-1)) {
      if (this.#isPart(name)) prefix.unshift(name);
      else if (!this.#isFlat(name) && !this.#isOnlyHparams(parts, childrenOf)) break;
      parts.pop();
    }
    return { path: parts.length === 0 ? '.' : parts.join('/'), prefix: prefix.map((part) => `${part}/`).join('') };
  }

  /** Several sessions stay several runs: a run has one set of hyperparameters. */
  #isOnlyHparams(parts: readonly string[], childrenOf: (path: string) => Iterable<string>): boolean {
    const name = parts.at(-1) ?? '';
    if (!this.#rules.hparams || !HPARAMS_CHILD.test(name)) return false;
    const parent = parts.length === 1 ? '.' : parts.slice(0, -1).join('/');
    for (const child of childrenOf(parent)) if (child !== name && HPARAMS_CHILD.test(child)) return false;
    return true;
  }
}

function anyOf(globs: readonly string[]): (name: string) => boolean {
  return globs.length === 0 ? () => false : matcher(globs);
}
