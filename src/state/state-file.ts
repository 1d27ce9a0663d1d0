import { dirname } from 'node:path';
import type { KnownRoot } from '../contract/index.ts';
import { MirrorError } from '../errors.ts';
import type { FileState, Removal, RunRef, Series, Shard, Tidying } from '../model/index.ts';
import { checkOwnFile, makeOwnFolder } from '../own-files/index.ts';
import { type Random, systemRandom } from '../random.ts';
import { realPath } from '../real-path.ts';
import { addSeries } from './catalogue-rows.ts';
import type { FileRef } from './file-ref.ts';
import { GroupCommit, realSchedule, type Schedule } from './group-commit.ts';
import { checkUnit, importUnit } from './import-unit.ts';
import { LaneState } from './lane-state.ts';
import { importPause, type MovedPause } from './lane-wishes.ts';
import { countFiles, filesOfRun, hasRuns, type ListedFile, listFiles } from './listing.ts';
import { FileLock } from './lock.ts';
import { filesLike, type MovedRun, moveRuns } from './moved-runs.ts';
import { BUSY_MS, openForWriting, openReadOnly } from './open-database.ts';
import { type LaneKey, RowIds } from './row-ids.ts';
import { checkShard, type MarkedShard, noteShard, shardIn } from './shard-mark.ts';
import { translated } from './sqlite-error.ts';
import { readStatus, StateReader, type StoredStatus } from './state-reader.ts';
import type { StateStore } from './state-store.ts';
import { Statements } from './statements.ts';
import { dropTask, keepTask, nextTask, type Task, tasksIn } from './tasks.ts';
import { tidyState } from './tidy-state.ts';
import type { UnitDocument } from './unit-document.ts';
import { noteUnread, unreadRoots } from './unread-roots.ts';

/** How long to wait for another process that holds the file when it must be read after a change. Milliseconds. */
const HELD_MS = 60_000;

/** Clock and listeners of a state file. */
interface StateOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /**
   * Called when a commit failed: nothing is lost, and everything is retried a second later and with every `flush`.
   * Default: see `failure`.
   */
  readonly onFailure?: (error: MirrorError) => void;
  /** Default: timers that keep no process alive. */
  readonly schedule?: Schedule;
  /** The source of random numbers for the id of a new state. Default: the system's. */
  readonly random?: Random;
}

/** The next try for a file whose bytes could not be read. */
export interface Retry {
  /** Retries so far. */
  readonly attempts: number;
  readonly nextMs: number;
}

/**
 * The state file: everything that must outlive the process apart from the stores. One process writes, any number
 * read. Changes are committed in groups: after at most 100 ms, with 100 of them, or on `flush`. A crash loses at most
 * the changes since the last commit.
 */
export class StateFile {
  /** A random id that was created with the file: it distinguishes this state from all others. */
  readonly instanceId: string;
  /** True if the file was created just now. */
  readonly isNew: boolean;
  readonly #path: string;
  readonly #lock: FileLock;
  readonly #options: StateOptions;
  readonly #store: StateStore;
  readonly #lanes = new Map<string, LaneState>();
  #failure: MirrorError | undefined;

  private constructor(path: string, lock: FileLock, options: StateOptions) {
    const random = options.random ?? systemRandom;
    const { db, isNew } = openForWriting(path, { nowMs: options.now(), newId: () => random.uuid() });
    const statements = new Statements(db, path);
    const ids = new RowIds(statements);
    this.#path = path;
    this.#lock = lock;
    this.#options = options;
    const commits = new GroupCommit({
      db,
      schedule: options.schedule ?? realSchedule,
      onFailure: (error) => this.#failed(error),
      onRollback: () => ids.forget(),
    });
    const store: StateStore = { commits, statements, ids, reading: () => this.#reading() };
    this.#store = store;
    this.isNew = isNew;
    this.instanceId = String(statements.get("SELECT value FROM meta WHERE key = 'instance_id'")?.value);
  }

  /**
   * Opens the state for writing. Creates it, with its folder, if it does not exist. Throws MB3106 if another
   * mirrorboard uses it. A file that can't be read as a state is refused, and left unchanged.
   */
  static open(path: string, options: StateOptions): StateFile {
    try {
      makeOwnFolder(dirname(path));
    } catch (error) {
      throw translated(error, path, 'making the folder of');
    }
    // The state ignores the name: a link to a state is that state.
    const real = realPath(path, path);
    checkOwnFile(path, { what: 'the state', flag: '--state' });
    const lock = FileLock.acquire(real, 'state');
    try {
      return new StateFile(real, lock, options);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** Opens the state for reading, also while another process writes to it. All reads see one snapshot. */
  static openForReading(path: string): StateReader {
    return new StateReader(new Statements(openReadOnly(path), path));
  }

  /** The error of the last commit; undefined once a commit succeeded. */
  get failure(): MirrorError | undefined {
    return this.#store.commits.isFailing ? this.#failure : undefined;
  }

  /** The shard whose runs the state knows; undefined if it is the state of all runs. */
  get shard(): Shard | undefined {
    return shardIn(this.#reading().statements);
  }

  /** Makes this the state of a shard (undefined: of all runs). Throws MB3107 if it knows the runs of another one. */
  useShard(shard: MarkedShard | undefined): void {
    const { statements } = this.#reading();
    checkShard(statements, shard);
    this.#store.commits.change('shard', () => noteShard(statements, shard));
    this.#mustFlush();
  }

  /**
   * Imports a unit of another state, and replaces what was known of its runs before. Throws MB3103 for a document of
   * a newer schema version.
   */
  importUnit(document: UnitDocument): void {
    checkUnit(document);
    const store = this.#reading();
    store.commits.change(JSON.stringify(['unit', document.root.name, document.unit]), () => importUnit(store, document));
  }

  /** Imports the pauses of another state. If both have a pause, the one that began first stays. */
  importPauses(pauses: readonly MovedPause[]): void {
    const { statements, commits } = this.#reading();
    for (const pause of pauses) {
      commits.change(JSON.stringify(['pause', pause.name, pause.target, pause.root?.name]), () => importPause(statements, pause));
    }
  }

  /** Gives the state this id, so that it continues another one. The state must be empty. */
  continueAs(instanceId: string): void {
    const { statements, commits } = this.#reading();
    commits.change('instance', () => statements.run("UPDATE meta SET value = ? WHERE key = 'instance_id'", instanceId));
    this.#mustFlush();
  }

  /** Notes a root, and its present path. */
  root(name: string, path: string): void {
    const { commits, statements } = this.#store;
    commits.change(JSON.stringify(['root', name]), () =>
      statements.run('INSERT INTO root (name, path) VALUES (?,?) ON CONFLICT (name) DO UPDATE SET path = excluded.path', name, path),
    );
  }

  /** Notes the reason why a part of a known root could not be read, or that everything could. */
  noteUnread(root: string, reason: string | undefined): void {
    const { commits, statements } = this.#store;
    if (unreadRoots(this.#store.reading().statements).get(root) === reason) return;
    commits.change(JSON.stringify(['unread', root]), () => noteUnread(statements, root, reason));
  }

  /** Returns the roots that were ever noted, and the last path of each. */
  roots(): KnownRoot[] {
    const rows = this.#store.reading().statements.all('SELECT name, path FROM root ORDER BY name');
    return rows.map((row) => ({ name: String(row.name), path: String(row.path) }));
  }

  /**
   * Returns a lane by its name and its target as configured (without secrets). A new target begins without data; a
   * former one continues from its last positions.
   */
  lane(name: string, target: string, { ownsPositions = false }: { readonly ownsPositions?: boolean } = {}): LaneState {
    const mapKey = JSON.stringify([name, target]);
    const open = this.#lanes.get(mapKey);
    if (open !== undefined) return open;
    const key: LaneKey = { name, target, ownsPositions };
    const { commits, statements, ids } = this.#store;
    commits.change(JSON.stringify(['lane', name, target]), () => {
      statements.run('UPDATE lane SET owns_positions = ? WHERE id = ?', Number(ownsPositions), ids.lane(key));
    });
    const lane = new LaneState(this.#store, key);
    this.#lanes.set(mapKey, lane);
    return lane;
  }

  /** Returns all targets that a lane of this name ever had, in the order in which they were added. */
  targets(name: string): string[] {
    const rows = this.#store.reading().statements.all('SELECT target FROM lane WHERE name = ? ORDER BY id', name);
    return rows.map((row) => String(row.target));
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
    return filesLike(this.#reading(), roots, inodes, firsts);
  }

  /** Yields every expected file of a root. */
  knownFiles(root: string): Iterable<ListedFile> {
    return listFiles(this.#reading().statements, root);
  }

  /** Returns every file of a run that some lane has read, also those that were forgotten as gone. */
  filesOf(run: RunRef): Pick<ListedFile, 'name' | 'stamp' | 'size'>[] {
    return filesOfRun(this.#reading().statements, run);
  }

  /** True if some lane has read a file of a root, even if all of them were forgotten as gone. */
  hasRuns(root: string): boolean {
    return hasRuns(this.#reading().statements, root);
  }

  /** Counts the expected files of a root. */
  fileCount(root: string): number {
    return countFiles(this.#reading().statements, root);
  }

  /**
   * Notes that runs are at another path now, or that files of theirs have other names. None of their data may be
   * under way. Returns the moves that could be noted.
   */
  move<Moved extends MovedRun>(moves: readonly Moved[]): Moved[] {
    const store = this.#reading();
    let done: readonly MovedRun[] = [];
    store.commits.change(JSON.stringify(['moved', moves.map(({ root, from, toRoot, to }) => [root, from, toRoot, to])]), () => {
      done = moveRuns(store, moves);
    });
    this.#mustFlush();
    return moves.filter((move) => done.includes(move));
  }

  /**
   * Changes what is known of roots and runs, and notes the change as a task in the same transaction. The task stays
   * until `taskDone` confirms that the store (undefined: there is none) and the trackers made it, too.
   */
  tidy(tidying: Tidying, store: string | undefined, removals: readonly Removal[] = []): void {
    const all = this.#reading();
    all.commits.change(JSON.stringify(['tidy', tidying]), () => {
      tidyState(all, tidying);
      keepTask(all.statements, { id: nextTask(all.statements), store, tidying, removals });
    });
    this.#lanes.clear();
    this.#mustFlush();
  }

  /** Returns tasks that may not be complete everywhere, in their order. */
  tasks(): Task[] {
    return tasksIn(this.#reading().statements);
  }

  /**
   * Notes that the store has made a task's change. Keeps the removals that are left; without any, the task is done.
   */
  taskDone(task: Task, removals: readonly Removal[] = []): void {
    const { commits, statements } = this.#store;
    commits.change(JSON.stringify(['task', task.id]), () => {
      if (removals.length === 0) dropTask(statements, task.id);
      else keepTask(statements, { ...task, store: undefined, removals });
    });
    this.#mustFlush();
  }

  /** Notes series before a lane has accepted values of them: for lanes that share one read. */
  addSeries(run: RunRef, series: readonly Series[]): void {
    this.#store.commits.together(() => addSeries(this.#store, run, series));
  }

  /** Notes that a run grew, by mirrorboard's clock. */
  noteGrowth(run: RunRef, ms: number): void {
    const { commits, statements, ids } = this.#store;
    commits.change(JSON.stringify(['growth', run.root, run.path]), () =>
      statements.run('UPDATE run SET grown_ms = ? WHERE id = ?', Math.round(ms), ids.run(run)),
    );
  }

  /** Returns when a run was last seen growing; undefined if it never was. */
  lastGrowth(run: RunRef): number | undefined {
    const { ids, statements } = this.#store.reading();
    const row = ids.findRun(run);
    const ms = row === undefined ? undefined : statements.get('SELECT grown_ms FROM run WHERE id = ?', row)?.grown_ms;
    return typeof ms === 'number' ? ms : undefined;
  }

  /** Notes the next try for a damaged file or one with gaps; undefined when no retry is needed any more. */
  keepRetry({ run, name }: FileRef, retry: Retry | undefined): void {
    const { commits, statements, ids } = this.#store;
    commits.change(JSON.stringify(['retry', run.root, run.path, name]), () => {
      if (retry === undefined) statements.run('DELETE FROM retry WHERE file = ?', ids.findFile(run, name) ?? 0);
      else {
        const sql = 'INSERT OR REPLACE INTO retry (file, attempts, next_ms) VALUES (?,?,?)';
        statements.run(sql, ids.file(run, name), retry.attempts, Math.round(retry.nextMs));
      }
    });
  }

  /** Returns the files whose retry is due by `nowMs` (default: all of them), the earliest first. */
  retries(nowMs = Number.MAX_SAFE_INTEGER): (Retry & { readonly file: FileRef })[] {
    const rows = this.#store.reading().statements.all(
      `SELECT root.name AS root, run.path, file.name, retry.attempts, retry.next_ms FROM retry
       JOIN file ON file.id = retry.file JOIN run ON run.id = file.run JOIN root ON root.id = run.root
       WHERE retry.next_ms <= ? ORDER BY retry.next_ms, retry.file`,
      Math.floor(nowMs),
    );
    return rows.map((row) => ({
      file: { run: { root: String(row.root), path: String(row.path) }, name: String(row.name) },
      attempts: Number(row.attempts),
      nextMs: Number(row.next_ms),
    }));
  }

  /** Keeps a document for `mirrorboard status`. Only the last one is kept. */
  writeStatus(document: unknown): void {
    const { commits, statements } = this.#store;
    const [text, writtenMs] = [JSON.stringify(document), Math.round(this.#options.now())];
    commits.change('status', () =>
      statements.run('INSERT OR REPLACE INTO status (id, written_ms, document) VALUES (1, ?, ?)', writtenMs, text),
    );
  }

  readStatus(): StoredStatus | undefined {
    return readStatus(this.#store.reading().statements);
  }

  /** Commits everything that `work` notes in one transaction. If `work` throws, none of it is kept. */
  together(work: () => void): void {
    this.#store.commits.together(work);
  }

  /** Commits everything now. Returns false if that failed: then the changes are kept, reported, and retried. */
  flush(): boolean {
    return this.#store.commits.flush();
  }

  /**
   * Commits what is left and closes the file. Returns false if that failed: the last changes are lost, which was
   * reported.
   */
  close(): boolean {
    const isDone = this.#store.commits.close();
    this.#store.statements.db.close();
    this.#lock.release();
    return isDone;
  }

  #mustFlush(): void {
    if (!this.flush()) throw this.#failure ?? new MirrorError('MB9001', `writing ${this.#path}: the change could not be recorded`);
  }

  #reading(): StateStore {
    const { commits, statements } = this.#store;
    if (commits.isMade) return this.#store;
    try {
      // Changes wait for another process that holds the file. Without them, a reader would get outdated data and
      // could mirror a point twice. So this waits, too.
      statements.db.exec(`PRAGMA busy_timeout = ${HELD_MS}`);
      commits.makeAll();
    } catch (error) {
      throw translated(error, this.#path, 'reading');
    } finally {
      statements.db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    }
    return this.#store;
  }

  #failed(error: unknown): void {
    this.#failure = translated(error, this.#path, 'writing');
    this.#options.onFailure?.(this.#failure);
  }
}
