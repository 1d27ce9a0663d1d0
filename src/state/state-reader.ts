import type { KnownRoot } from '../contract/index.ts';
import type { FileState, RunRef, Shard } from '../model/index.ts';
import { checkState, type StateProblem } from './check-state.ts';
import { dumpState } from './dump-state.ts';
import { GroupCommit, realSchedule } from './group-commit.ts';
import { LaneState } from './lane-state.ts';
import { allPauses, type MovedPause } from './lane-wishes.ts';
import { countFiles, filesOfRun, hasRuns, type ListedFile, type ListedInState, listFiles, listRuns } from './listing.ts';
import { filesLike } from './moved-runs.ts';
import { RowIds } from './row-ids.ts';
import { shardIn } from './shard-mark.ts';
import type { StateStore } from './state-store.ts';
import type { Statements } from './statements.ts';
import { type StateSummary, summarizeState } from './summarize-state.ts';
import { type Task, tasksIn } from './tasks.ts';
import { type UnitDocument, unitDocuments } from './unit-document.ts';
import { unreadRoots } from './unread-roots.ts';

/** A status document, and when it was written. */
export interface StoredStatus {
  readonly writtenMs: number;
  readonly document: unknown;
}

/** What can be read of a lane. */
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
  | 'pauses'
>;

/** Reads a state, also while another process writes to it: one snapshot, until `close`. */
export class StateReader {
  /** Tells this state from all others. */
  readonly instanceId: string;
  /** When the file was made, as an ISO 8601 text. */
  readonly createdAt: string;
  readonly #statements: Statements;

  constructor(statements: Statements) {
    this.#statements = statements;
    try {
      statements.run('BEGIN');
      const meta = new Map(statements.all('SELECT key, value FROM meta').map(({ key, value }) => [key, String(value)]));
      this.instanceId = meta.get('instance_id') ?? '';
      this.createdAt = meta.get('created_at') ?? '';
    } catch (error) {
      statements.db.close();
      throw error;
    }
  }

  /** What `watch` wrote last for `status`. */
  readStatus(): StoredStatus | undefined {
    return readStatus(this.#statements);
  }

  /** The roots that were ever noted, and where each lay last. */
  roots(): KnownRoot[] {
    return this.#statements
      .all('SELECT name, path FROM root ORDER BY name')
      .map(({ name, path }) => ({ name: String(name), path: String(path) }));
  }

  /** Roots of which something could not be read, with the reason. */
  unreadRoots(): ReadonlyMap<string, string> {
    return unreadRoots(this.#statements);
  }

  /** A lane by its name and target; one that was never used knows nothing. */
  lane(name: string, target: string): LaneReader {
    const statements = this.#statements;
    const ids = new RowIds(statements);
    // Nothing is ever changed here: the part that would commit stays empty.
    const commits = new GroupCommit({ db: statements.db, schedule: realSchedule, onFailure: () => undefined, onRollback: () => undefined });
    const store: StateStore = { commits, statements, ids, reading: () => store };
    return new LaneState(store, { name, target, ownsPositions: false });
  }

  /**
   * Every run with files, or those of one root, and how far a lane is in them; a lane that was never used is nowhere.
   */
  listed(name: string, target: string, root?: string): ListedInState[] {
    const lane = new RowIds(this.#statements).findLane({ name, target, ownsPositions: false });
    return listRuns(this.#statements, lane ?? 0, root);
  }

  /** Every file of a root that is expected. */
  knownFiles(root: string): Iterable<ListedFile> {
    return listFiles(this.#statements, root);
  }

  /** Every file of a run that some lane has read, those that were forgotten as gone among them. */
  filesOf(run: RunRef): Pick<ListedFile, 'name' | 'stamp' | 'size'>[] {
    return filesOfRun(this.#statements, run);
  }

  /** Whether some lane has read a file of a root, also if all of them were forgotten as gone. */
  hasRuns(root: string): boolean {
    return hasRuns(this.#statements, root);
  }

  /** How many files of a root are expected. */
  fileCount(root: string): number {
    return countFiles(this.#statements, root);
  }

  /**
   * Files of some roots that have one of these inodes, or begin with a record of one of these lengths and checksums
   * (`length:checksum`).
   */
  filesLike(
    roots: readonly string[],
    inodes: readonly string[],
    firsts: readonly string[],
  ): { readonly run: RunRef; readonly state: FileState }[] {
    return filesLike({ statements: this.#statements }, roots, inodes, firsts);
  }

  /** What the state holds, in sums and lists for people. */
  summary(): StateSummary {
    return { instanceId: this.instanceId, createdAt: this.createdAt, ...summarizeState(this.#statements) };
  }

  /** Everything that must not be so; an empty list means a valid state. */
  check(): StateProblem[] {
    return checkState(this.#statements);
  }

  /** The shard whose runs it knows; undefined if it is that of all runs. */
  get shard(): Shard | undefined {
    return shardIn(this.#statements);
  }

  /** Tasks that are not known to be complete everywhere, in their order. */
  tasks(): Task[] {
    return tasksIn(this.#statements);
  }

  /** Every unit with all that is known of it. `unitOf` names the unit of a run. */
  units(
    unitOf: (root: string, run: string) => string,
    isWanted?: (root: string, unit: string) => boolean,
  ): Generator<UnitDocument, void, void> {
    return unitDocuments(this.#statements, unitOf, isWanted);
  }

  /** What people have paused, of every lane. */
  pauses(): MovedPause[] {
    return allPauses(this.#statements);
  }

  /** The whole content as the text of one JSON document, in pieces. */
  dump(): Generator<string, void, void> {
    return dumpState(this.#statements);
  }

  close(): void {
    this.#statements.db.close();
  }
}

/** The status document that was kept last. */
export function readStatus(statements: Statements): StoredStatus | undefined {
  const row = statements.get('SELECT written_ms, document FROM status');
  return row === undefined ? undefined : { writtenMs: Number(row.written_ms), document: statements.parse(row.document) };
}
