import type { KnownRoot } from '../contract/index.ts';
import type { FileState, RunRef, Shard } from '../model/index.ts';
import { checkState, type StateProblem } from './check-state.ts';
import { dumpState } from './dump-state.ts';
import { GroupCommit, realSchedule } from './group-commit.ts';
import { LaneState } from './lane-state.ts';
import { allPauses, type MovedPause } from './lane-wishes.ts';
import { countFiles, filesOfRun, hasRuns, type ListedFile, type ListedInState, listFiles, listRun, listRuns } from './listing.ts';
import { filesLike } from './moved-runs.ts';
import { RowIds } from './row-ids.ts';
import { shardIn } from './shard-mark.ts';
import type { StateStore } from './state-store.ts';
import type { Statements } from './statements.ts';
import { type LaneSummary, laneSummaries, type StateSummary, summarizeState } from './summarize-state.ts';
import { type Task, tasksIn } from './tasks.ts';
import { type UnitDocument, unitDocuments } from './unit-document.ts';
import { unreadRoots } from './unread-roots.ts';

/** A status document, and the time when it was written. */
export interface StoredStatus {
  readonly writtenMs: number;
  readonly document: unknown;
}

/** The readable part of a lane. */
export type LaneReader = Pick<
  LaneState,
  | 'name'
  | 'target'
  | 'known'
  | 'knownFile'
  | 'knownRuns'
  | 'knownRunsOf'
  | 'catalogue'
  | 'handle'
  | 'handles'
  | 'epochsMovedFrom'
  | 'opened'
  | 'mappings'
  | 'artifacts'
  | 'artifactCounts'
  | 'refusedFiles'
  | 'unsupportedFiles'
  | 'isEnded'
  | 'delivered'
  | 'refusals'
  | 'hasRefusals'
  | 'snapshot'
  | 'verdict'
  | 'report'
  | 'pauses'
>;

/** Reads a state, also while another process writes to it: one snapshot, until `close`. */
export class StateReader {
  /** The id that distinguishes this state from all others. */
  readonly instanceId: string;
  /** The time when the file was created, as an ISO 8601 text. */
  readonly createdAt: string;
  readonly #statements: Statements;

  constructor(statements: Statements) {
    this.#statements = statements;
    try {
      statements.run('BEGIN');
      // Other rows may be long.
      const meta = new Map(
        statements
          .all("SELECT key, value FROM meta WHERE key IN ('instance_id', 'created_at')")
          .map(({ key, value }) => [key, String(value)]),
      );
      this.instanceId = meta.get('instance_id') ?? '';
      this.createdAt = meta.get('created_at') ?? '';
    } catch (error) {
      statements.db.close();
      throw error;
    }
  }

  /** Returns the last document that `watch` wrote for `status`. */
  readStatus(): StoredStatus | undefined {
    return readStatus(this.#statements);
  }

  /** Returns the roots that were ever noted, and the last path of each. */
  roots(): KnownRoot[] {
    return this.#statements
      .all('SELECT name, path FROM root ORDER BY name')
      .map(({ name, path }) => ({ name: String(name), path: String(path) }));
  }

  /** Returns the roots with unreadable parts, with the reason. */
  unreadRoots(): ReadonlyMap<string, string> {
    return unreadRoots(this.#statements);
  }

  /** Returns a lane by its name and target; one that was never used is empty. */
  lane(name: string, target: string): LaneReader {
    const statements = this.#statements;
    const ids = new RowIds(statements);
    // A reader never changes anything: the part that would commit stays empty.
    const commits = new GroupCommit({ db: statements.db, schedule: realSchedule, onFailure: () => undefined, onRollback: () => undefined });
    const store: StateStore = { commits, statements, ids, reading: () => store };
    return new LaneState(store, { name, target, ownsPositions: false });
  }

  /**
   * Returns every run with files, or those of one root, and a lane's position in them. A lane that was never used has
   * no position.
   */
  listed(name: string, target: string, root?: string): ListedInState[] {
    const lane = new RowIds(this.#statements).findLane({ name, target, ownsPositions: false });
    return listRuns(this.#statements, lane ?? 0, root);
  }

  /** Returns one run and a lane's position in it; undefined if the state does not know the run. */
  listedRun(name: string, target: string, run: RunRef): ListedInState | undefined {
    return listRun(this.#statements, new RowIds(this.#statements).findLane({ name, target, ownsPositions: false }) ?? 0, run);
  }

  /** Yields every expected file of a root. */
  knownFiles(root: string): Iterable<ListedFile> {
    return listFiles(this.#statements, root);
  }

  /** Returns every file of a run that some lane has read, also those that were forgotten as gone. */
  filesOf(run: RunRef): Pick<ListedFile, 'name' | 'stamp' | 'size'>[] {
    return filesOfRun(this.#statements, run);
  }

  /** True if some lane has read a file of a root, even if all of them were forgotten as gone. */
  hasRuns(root: string): boolean {
    return hasRuns(this.#statements, root);
  }

  /** Counts the expected files of a root. */
  fileCount(root: string): number {
    return countFiles(this.#statements, root);
  }

  /**
   * Yields files of some roots that have one of these inodes, or begin with a record of one of these lengths and
   * checksums (`length:checksum`).
   */
  filesLike(
    roots: readonly string[],
    inodes: readonly string[],
    firsts: readonly string[],
  ): { readonly run: RunRef; readonly state: FileState }[] {
    return filesLike({ statements: this.#statements }, roots, inodes, firsts);
  }

  /** Summarizes the state, in sums and lists for people. */
  summary(): StateSummary {
    return { instanceId: this.instanceId, createdAt: this.createdAt, ...summarizeState(this.#statements) };
  }

  /** Summarizes every lane that the state knows. */
  lanes(): LaneSummary[] {
    return laneSummaries(this.#statements);
  }

  /** Returns every problem; an empty list means a valid state. */
  check(): StateProblem[] {
    return checkState(this.#statements);
  }

  /** The shard whose runs the state knows; undefined if it is the state of all runs. */
  get shard(): Shard | undefined {
    return shardIn(this.#statements);
  }

  /** Returns tasks that may not be complete everywhere, in their order. */
  tasks(): Task[] {
    return tasksIn(this.#statements);
  }

  /** Yields every unit with everything that is known of it. `unitOf` names the unit of a run. */
  units(
    unitOf: (root: string, run: string) => string,
    isWanted?: (root: string, unit: string) => boolean,
  ): Generator<UnitDocument, void, void> {
    return unitDocuments(this.#statements, unitOf, isWanted);
  }

  /** Returns the pauses of every lane, which people asked for. */
  pauses(): MovedPause[] {
    return allPauses(this.#statements);
  }

  /** Yields the whole content as the text of one JSON document, in pieces. */
  dump(): Generator<string, void, void> {
    return dumpState(this.#statements);
  }

  close(): void {
    this.#statements.db.close();
  }
}

/** Returns the last status document. */
export function readStatus(statements: Statements): StoredStatus | undefined {
  const row = statements.get('SELECT written_ms, document FROM status');
  return row === undefined ? undefined : { writtenMs: Number(row.written_ms), document: statements.parse(row.document) };
}
