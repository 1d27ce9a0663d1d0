/**
 * Notices during a watch that known files are at another path now. Gathers files that moved together, and follows the
 * move between two rounds, when none of their data is under way.
 */
import type { Clock } from '../clock.ts';
import type { ChangedFile, FoundRun, ResolvedRoot, RunChange } from '../discover/index.ts';
import { keyOfFile, type RunRef } from '../model/index.ts';
import {
  CopiedRuns,
  type FindOptions,
  findMoves,
  followMoves,
  KnownInodes,
  type Movable,
  type MovedFact,
  type Moves,
  movedIncident,
  moveKey,
  TakenPaths,
} from '../moves/index.ts';
import type { WatchStatus } from '../status/index.ts';
import { isWithin } from '../untrusted/index.ts';

/** The roots whose runs may move. */
interface WatchedMovesOptions {
  readonly roots: ReadonlyMap<string, ResolvedRoot>;
  /** True if mirrorboard follows runs to another path; false if it treats them as new ones. */
  readonly isFollowed: boolean;
  /** Returns the path of a root; undefined if it does not answer. */
  readonly answeringPath: (name: string) => string | undefined;
  /**
   * Returns the places that know runs. The state comes first: if the process ends between the two, the next start
   * moves the run in the store.
   */
  readonly movables: () => Movable[];
  readonly status: Pick<WatchStatus, 'runMoved' | 'runsFollowed' | 'silences'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** How long renames are gathered: whole trees move at once. */
const GATHER_MS = 500;
/**
 * How many times as long they are gathered if a run is in the place of another run, which may still appear elsewhere.
 */
const MOST_GATHERED = 10;

/** Finds and follows runs that move during a watch. */
export class WatchedMoves {
  readonly #options: WatchedMovesOptions;
  /**
   * Files reported since the first one was found at another path, by root, run and name: more may have moved with it.
   */
  readonly #moving = new Map<string, Map<string, Map<string, ChangedFile>>>();
  /** Moves that could not be followed. */
  readonly #unmovable = new Set<string>();
  /** Files, by `keyOfFile`, for which mirrorboard can't decide yet if they are known: no lane gets them. */
  readonly #unclear = new Set<string>();
  /** True if it could not be decided because a path did not answer. */
  #isWaitingForAnswers = false;
  /** Runs that disappeared, and may have been copied before. */
  #copies: CopiedRuns | undefined;
  /** Runs whose paths were taken by others. */
  #places: TakenPaths | undefined;
  /** Inodes of all known files: only a new file with a known inode can be a moved one. */
  #inodes = new KnownInodes();
  #endRound: () => void = () => undefined;

  constructor(options: WatchedMovesOptions) {
    this.#options = options;
  }

  /** Begins a round. `endRound` is called when the files that moved together are gathered; then `follow` is due. */
  begin(scanSoon: () => void, endRound: () => void): void {
    const { movables, answeringPath, clock, isFollowed } = this.#options;
    this.#endRound = endRound;
    this.#inodes = this.#knownInodes();
    // A lane with its own store knows more recent data than the state.
    const held = movables().at(-1);
    this.#copies = held && new CopiedRuns(held, answeringPath, () => clock.steadyMs());
    this.#unclear.clear();
    this.#isWaitingForAnswers = false;
    this.#places = !isFollowed
      ? undefined
      : new TakenPaths({ helds: movables(), pathOf: answeringPath, roots: () => this.#answering(), scanSoon });
  }

  /** True if this round is ending: it reports no more files, since the next round checks everything. */
  get hasMoved(): boolean {
    return this.#moving.size > 0;
  }

  /**
   * Returns true if one of these new files is a known file at another path. `follow` then handles them, and this
   * round reports none of them.
   */
  takes(root: string, changes: readonly RunChange[]): boolean {
    if (!this.#isMoved(root, changes)) return false;
    if (this.#moving.size === 0) this.#endRoundLater(1);
    const runs = this.#moving.get(root) ?? new Map<string, Map<string, ChangedFile>>();
    this.#moving.set(root, runs);
    for (const { run, files } of changes) {
      const known = runs.get(run) ?? new Map<string, ChangedFile>();
      runs.set(run, known);
      for (const file of files) known.set(file.name, file);
    }
    return true;
  }

  /** Follows the moves of the round that has ended. */
  follow(): void {
    const { roots, movables, status } = this.#options;
    const followed: { readonly from: RunRef; readonly to: RunRef }[] = [];
    for (const [root, found] of this.#movingRuns()) {
      const resolved = roots.get(root);
      if (resolved === undefined) continue;
      for (const fact of followMoves(resolved, found, movables(), 'follow', this.#byInode(root)).facts) {
        status.runMoved(movedIncident(fact));
        if (fact.becomes !== 'followed') this.#unmovable.add(moveKey(fact));
        else followed.push({ from: { root: fact.root, path: fact.from }, to: { root: fact.toRoot, path: fact.to } });
      }
    }
    status.runsFollowed(followed);
    this.#moving.clear();
  }

  /**
   * Returns the changes that can be reported: those for which it is certain which files they belong to, and whose
   * path they have.
   */
  sift(root: string, changes: readonly RunChange[]): readonly RunChange[] {
    const clear =
      this.#unclear.size === 0
        ? changes
        : changes.flatMap(({ run: path, files }) => {
            const some = files.filter(({ name }) => !this.#unclear.has(keyOfFile({ root, path }, name)));
            return some.length === 0 ? [] : [{ run: path, files: some }];
          });
    return this.#places?.sift(root, clear) ?? clear;
  }

  /** Returns changes that waited because their paths were taken, and can be reported now. */
  due(): Iterable<{ readonly root: string; readonly changes: readonly RunChange[] }> {
    // Only another round reports the files for which that could not be decided.
    if (this.#isWaitingForAnswers && this.#options.status.silences.length === 0) {
      this.#isWaitingForAnswers = false;
      this.#endRound();
    }
    return this.hasMoved ? [] : (this.#places?.due() ?? []);
  }

  /** Notes files that the lanes get: from now on they are known. */
  noteKnown(files: readonly ChangedFile[]): void {
    for (const { stamp } of files) this.#inodes.add(stamp);
  }

  /** Notes that files are gone: their runs may have been copied before. */
  filesGone(root: string, files: readonly { readonly run: string; readonly name: string }[]): void {
    this.#report(this.#copies?.filesGone(root, files) ?? []);
    this.#places?.filesGone(root, files);
  }

  /** Notes the end of a root's scan. `startedAtMs`: when the scan began, by `machineMs`. */
  rootScanned(root: string, startedAtMs: number): void {
    this.#report(this.#copies?.copiesFound() ?? []);
    this.#places?.scanned(root, startedAtMs);
  }

  #report(facts: readonly MovedFact[]): void {
    for (const fact of facts) this.#options.status.runMoved(movedIncident(fact));
  }

  #isMoved(root: string, changes: readonly RunChange[]): boolean {
    if (this.hasMoved) return true;
    const { isFollowed, status } = this.#options;
    this.#forgetReplaced(root, changes);
    const found = changes.flatMap(({ run: path, files }) => {
      const mayBeKnown = files.some(
        ({ name, before, isOther, stamp }) =>
          (before === 0 || isOther === true || this.#unclear.has(keyOfFile({ root, path }, name))) && this.#inodes.has(stamp),
      );
      return mayBeKnown ? [{ path, files }] : [];
    });
    if (found.length === 0) return false;
    const all = this.#findMoves(root, found);
    for (const { path, files } of found) for (const { name } of files) this.#unclear.delete(keyOfFile({ root, path }, name));
    for (const { followed, apart, unclear } of all) {
      if (isFollowed) for (const file of unclear) this.#unclear.add(file);
      for (const { otherwise, ...place } of isFollowed ? apart : [...followed, ...apart]) {
        // A run in the place of another run waits until it is clear what happened to that one.
        if (isFollowed && otherwise === 'other') continue;
        status.runMoved(movedIncident({ ...place, becomes: otherwise }));
      }
    }
    return (
      isFollowed &&
      all.some(({ followed, apart }) => [...followed, ...apart.filter(isInPlace)].some((move) => !this.#unmovable.has(moveKey(move))))
    );
  }

  /** Forgets unclear files that another file has replaced: that one is known to nobody, so it is new. */
  #forgetReplaced(root: string, changes: readonly RunChange[]): void {
    if (this.#unclear.size === 0) return;
    for (const { run: path, files } of changes)
      for (const { name, stamp } of files) if (!this.#inodes.has(stamp)) this.#unclear.delete(keyOfFile({ root, path }, name));
  }

  #findMoves(root: string, found: readonly FoundRun[]): Moves[] {
    const resolved = this.#options.roots.get(root);
    if (resolved === undefined) return [];
    return this.#options.movables().map((held) => findMoves(resolved, found, held, this.#byInode(root)));
  }

  /**
   * True if a run has the path of another run that has not appeared elsewhere yet: several may be moved one after the
   * other.
   */
  get #isMoving(): boolean {
    return [...this.#movingRuns()].some(([root, found]) =>
      this.#findMoves(root, found).some(({ apart }) => apart.some((move) => isInPlace(move) && !this.#unmovable.has(moveKey(move)))),
    );
  }

  *#movingRuns(): Generator<readonly [root: string, found: readonly FoundRun[]], void, void> {
    for (const [root, runs] of this.#moving) yield [root, [...runs].map(([path, files]) => ({ path, files: [...files.values()] }))];
  }

  /**
   * Ends the round a moment later, when files that moved together have been reported. Waits a few times as long for
   * moves by several commands.
   */
  #endRoundLater(nth: number): void {
    const { clock, signal } = this.#options;
    clock.after(GATHER_MS, () => {
      if (!signal.aborted && nth < MOST_GATHERED && this.#isMoving) this.#endRoundLater(nth + 1);
      else this.#endRound();
    });
  }

  /** Returns options that ask nothing about what does not answer: a file that hangs must not stop all runs. */
  #byInode(root: string): FindOptions {
    const names = new Set(this.#answering());
    const isSilent = (path: string): boolean => {
      if (!this.#options.status.silences.some((silence) => isWithin(path, silence.path))) return false;
      this.#isWaitingForAnswers = true;
      return true;
    };
    return { byInode: true, isSilent, others: [...this.#options.roots.values()].filter(({ name }) => name !== root && names.has(name)) };
  }

  /** Returns the names of the roots that answer. */
  #answering(): string[] {
    const { roots, answeringPath } = this.#options;
    return [...roots.keys()].filter((name) => answeringPath(name) !== undefined);
  }

  #knownInodes(): KnownInodes {
    const { movables, roots } = this.#options;
    const inodes = new KnownInodes();
    for (const held of movables()) {
      // Of thousands of roots, most may be new: mirrorboard does not query those one by one.
      for (const { name } of held.roots()) if (roots.has(name)) for (const { stamp } of held.knownFiles(name)) inodes.seed(stamp);
    }
    return inodes;
  }
}

/** True if the run is at the path of another run that is no longer there. */
function isInPlace({ otherwise }: { readonly otherwise: string }): boolean {
  return otherwise === 'other';
}
