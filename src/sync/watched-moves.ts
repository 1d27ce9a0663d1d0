/**
 * Notices, while a watch listens, that known files lie elsewhere now. Gathers what moved together, and follows it
 * between two rounds, when nothing of it is on its way.
 */
import type { Clock } from '../clock.ts';
import type { ChangedFile, FoundRun, ResolvedRoot, RunChange } from '../discover/index.ts';
import { keyOfFile } from '../model/index.ts';
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

/** The roots whose runs may move. */
interface WatchedMovesOptions {
  readonly roots: ReadonlyMap<string, ResolvedRoot>;
  /** Whether runs that lie elsewhere are followed, or taken for new ones. */
  readonly isFollowed: boolean;
  /** Where a root lies; undefined if it does not answer. */
  readonly answeringPath: (name: string) => string | undefined;
  /** Who knows runs. The state comes first: if we end between the two, the store's turn comes with the next start. */
  readonly movables: () => Movable[];
  readonly status: Pick<WatchStatus, 'runMoved'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Renames are gathered so long: whole trees move at once. */
const GATHER_MS = 500;
/** So many times that if a run lies in another one's place, which may turn up elsewhere. */
const MOST_GATHERED = 10;

/** The runs that move while a watch listens. */
export class WatchedMoves {
  readonly #options: WatchedMovesOptions;
  /** Files heard of since one was seen that lies elsewhere now, by root, run and name: more may have moved with it. */
  readonly #moving = new Map<string, Map<string, Map<string, ChangedFile>>>();
  /** Moves that could not be followed. */
  readonly #unmovable = new Set<string>();
  /** Files of which it can't be told yet whether they are known, by `keyOfFile`: no lane hears of them. */
  readonly #unclear = new Set<string>();
  /** Runs that went away, and may have been copied before. */
  #copies: CopiedRuns | undefined;
  /** Runs whose places were taken. */
  #places: TakenPaths | undefined;
  /** Inodes of all known files: only a new file with a known inode can be a moved one. */
  #inodes = new KnownInodes();
  #endRound: () => void = () => undefined;

  constructor(options: WatchedMovesOptions) {
    this.#options = options;
  }

  /** Begins a round. `endRound` is called when what moved together was heard of; then `follow` is due. */
  begin(scanSoon: () => void, endRound: () => void): void {
    const { movables, answeringPath, clock, isFollowed, roots } = this.#options;
    this.#endRound = endRound;
    this.#inodes = this.#knownInodes();
    // What a lane with a store of its own knows is newer than what the state does.
    const held = movables().at(-1);
    this.#copies = held && new CopiedRuns(held, answeringPath, () => clock.steadyMs());
    this.#unclear.clear();
    this.#places = !isFollowed
      ? undefined
      : new TakenPaths({ helds: movables(), pathOf: (root) => roots.get(root)?.path, roots: () => this.#answering(), scanSoon });
  }

  /** True if this round ends: it says nothing more of files, since the next one looks at everything. */
  get hasMoved(): boolean {
    return this.#moving.size > 0;
  }

  /**
   * Returns true if one of these new files is a known file at another path. `follow` then handles them, and this round
   * reports none of them.
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

  /** Follows what moved in the round that has ended. */
  follow(): void {
    const { roots, movables, status } = this.#options;
    for (const [root, found] of this.#movingRuns()) {
      const resolved = roots.get(root);
      if (resolved === undefined) continue;
      for (const fact of followMoves(resolved, found, movables(), 'follow', this.#byInode(root)).facts) {
        status.runMoved(movedIncident(fact));
        if (fact.becomes !== 'followed') this.#unmovable.add(moveKey(fact));
      }
    }
    this.#moving.clear();
  }

  /** The changes that can be told: it is certain which files they are of, and whose place they lie in. */
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

  /** Changes that waited because their paths were taken, and can be reported now. */
  due(): Iterable<{ readonly root: string; readonly changes: readonly RunChange[] }> {
    return this.hasMoved ? [] : (this.#places?.due() ?? []);
  }

  /** The lanes hear of some files: from here on they are known. */
  noteKnown(files: readonly ChangedFile[]): void {
    for (const { stamp } of files) this.#inodes.add(stamp);
  }

  /** Files are gone: their runs may have been copied before. */
  filesGone(root: string, files: readonly { readonly run: string; readonly name: string }[]): void {
    this.#tell(this.#copies?.filesGone(root, files) ?? []);
  }

  /** A scan of a root that began at a moment of `machineMs` is over. */
  rootScanned(root: string, startedAtMs: number): void {
    this.#tell(this.#copies?.copiesFound() ?? []);
    this.#places?.scanned(root, startedAtMs);
  }

  #tell(facts: readonly MovedFact[]): void {
    for (const fact of facts) this.#options.status.runMoved(movedIncident(fact));
  }

  #isMoved(root: string, changes: readonly RunChange[]): boolean {
    if (this.hasMoved) return true;
    const { isFollowed, status } = this.#options;
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
        // What lies in another one's place waits for what becomes of that.
        if (isFollowed && otherwise === 'other') continue;
        status.runMoved(movedIncident({ ...place, becomes: otherwise }));
      }
    }
    return (
      isFollowed &&
      all.some(({ followed, apart }) => [...followed, ...apart.filter(isInPlace)].some((move) => !this.#unmovable.has(moveKey(move))))
    );
  }

  #findMoves(root: string, found: readonly FoundRun[]): Moves[] {
    const resolved = this.#options.roots.get(root);
    if (resolved === undefined) return [];
    return this.#options.movables().map((held) => findMoves(resolved, found, held, this.#byInode(root)));
  }

  /**
   * True if something lies where another run was that did not turn up yet: several may be moved one after the other.
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
   * What moved together has been heard of a moment later, and what is moved by several commands a few moments later.
   */
  #endRoundLater(nth: number): void {
    const { clock, signal } = this.#options;
    clock.after(GATHER_MS, () => {
      if (!signal.aborted && nth < MOST_GATHERED && this.#isMoving) this.#endRoundLater(nth + 1);
      else this.#endRound();
    });
  }

  /** Opens no file: a file that hangs must not stop all runs. */
  #byInode(root: string): FindOptions {
    const names = new Set(this.#answering());
    return { byInode: true, others: [...this.#options.roots.values()].filter(({ name }) => name !== root && names.has(name)) };
  }

  /** The roots that answer. */
  #answering(): string[] {
    const { roots, answeringPath } = this.#options;
    return [...roots.keys()].filter((name) => answeringPath(name) !== undefined);
  }

  #knownInodes(): KnownInodes {
    const { movables, roots } = this.#options;
    const inodes = new KnownInodes();
    for (const held of movables()) {
      // Of thousands of roots, most may be new: those are not asked for one by one.
      for (const { name } of held.roots()) if (roots.has(name)) for (const { stamp } of held.knownFiles(name)) inodes.seed(stamp);
    }
    return inodes;
  }
}

/** True if it lies where another run was that is not there any more. */
function isInPlace({ otherwise }: { readonly otherwise: string }): boolean {
  return otherwise === 'other';
}
