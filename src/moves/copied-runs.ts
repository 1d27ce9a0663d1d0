/** Finds runs that were copied and then removed: while both copies existed, they were two runs. */
import { steadyMs } from '../clock.ts';
import { inodeOf, KEPT_STAMP, keyOfRun, type RunRef } from '../model/index.ts';
import { isThere, type Knower, type KnownState, markKey } from './moved-files.ts';
import type { MovedFact } from './moves.ts';

/**
 * How often mirrorboard searches for copies of a deleted run: a copy that was made just before must be read first.
 */
const MOST_LOOKS = 3;
/** A search goes through all known files. The pause after it is this many times as long as the search took. */
const RESTED = 20;

interface Gone {
  readonly run: RunRef;
  readonly states: readonly KnownState[];
  looks: number;
}

/** Reports deleted runs of which a copy exists. Opens no file: the known facts of both decide if they are alike. */
export class CopiedRuns {
  readonly #held: Knower;
  /** Returns the path of a root; undefined if it does not answer. */
  readonly #pathOf: (root: string) => string | undefined;
  readonly #now: () => number;
  #gone: Gone[] = [];
  /** The end of the pause, by `now`. */
  #restsUntilMs = 0;

  /** `now`: milliseconds of a monotonic clock. */
  constructor(held: Knower, pathOf: (root: string) => string | undefined, now = steadyMs) {
    this.#held = held;
    this.#pathOf = pathOf;
    this.#now = now;
  }

  /** Notes files that are gone. The caller must call it before the state or store forgets them. */
  filesGone(root: string, files: readonly { readonly run: string; readonly name: string }[]): readonly MovedFact[] {
    const whole = new Map<string, Pick<Gone, 'run'> & { readonly count: number }>();
    const inodes: string[] = [];
    for (const [path, gone] of Map.groupBy(files, ({ run }) => run)) {
      const run = { root, path };
      const names = new Set(gone.map(({ name }) => name));
      const known = this.#held.positions(run).files.filter(({ stamp }) => stamp !== KEPT_STAMP && stamp !== '');
      // A run that still has some of its files did not move.
      if (known.length === 0 || !known.every(({ name }) => names.has(name))) continue;
      whole.set(keyOfRun(run), { run, count: known.length });
      for (const { stamp } of known) inodes.push(inodeOf(stamp));
    }
    if (whole.size === 0) return [];
    // One query serves all runs: each query goes through all files.
    const states = Map.groupBy(this.#held.filesLike([root], inodes, []), (each) => keyOfRun(each.run));
    for (const [key, { run, count }] of whole) {
      const its = states.get(key) ?? [];
      if (its.length === count) this.#gone.push({ run, states: its, looks: 0 });
    }
    return this.copiesFound();
  }

  /** Returns copies that are known by now; each is reported once. Returns none during a pause: ask again. */
  copiesFound(): readonly MovedFact[] {
    const beginMs = this.#now();
    if (this.#gone.length === 0 || beginMs < this.#restsUntilMs) return [];
    const facts: MovedFact[] = [];
    const roots = this.#held.roots().map(({ name }) => name);
    const like = Map.groupBy(
      this.#held.filesLike(
        roots,
        [],
        this.#gone.flatMap(({ states }) => states.flatMap(firstOf)),
      ),
      (each) => firstOf(each).join(''),
    );
    this.#gone = this.#gone.filter((gone) => {
      const to = this.#copyOf(gone, like);
      if (to !== undefined) facts.push({ root: gone.run.root, from: gone.run.path, toRoot: to.root, to: to.path, becomes: 'new' });
      return to === undefined && ++gone.looks < MOST_LOOKS;
    });
    const endMs = this.#now();
    this.#restsUntilMs = endMs + RESTED * (endMs - beginMs);
    return facts;
  }

  /** Returns the one run that has a copy of each file. */
  #copyOf({ run, states }: Gone, like: ReadonlyMap<string, readonly KnownState[]>): RunRef | undefined {
    const runs = states.map((from) => {
      const others = (like.get(firstOf(from).join('')) ?? []).filter((each) => keyOfRun(each.run) !== keyOfRun(run));
      return new Map(others.filter((to) => this.#isCopy(from, to)).map((to) => [keyOfRun(to.run), to.run]));
    });
    const shared = [...(runs[0] ?? [])].filter(([key]) => runs.every((each) => each.has(key)));
    return shared.length === 1 ? shared[0]?.[1] : undefined;
  }

  #isCopy({ state: from }: KnownState, { run, state: to }: KnownState): boolean {
    // The first record does not suffice, since many files share it.
    if (from.name !== to.name || from.records <= 1 || to.records < from.records) return false;
    const [last, its] = [from.guard.last, to.guard.last];
    if (to.records === from.records && (last?.offset !== its?.offset || last?.checksum !== its?.checksum)) return false;
    const rootPath = this.#pathOf(run.root);
    // This thread must not wait for a file server that does not answer.
    return rootPath !== undefined && isThere(rootPath, run.path, to.name);
  }
}

function firstOf({ state }: KnownState): readonly string[] {
  return state.guard.first === undefined ? [] : [markKey(state.guard.first)];
}
