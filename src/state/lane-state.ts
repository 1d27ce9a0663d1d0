import type { Handle, Intent, JournalEntry, KnownRun, Refusal, RefusedFile } from '../contract/index.ts';
import { type Batch, type FileState, type Gap, keyOfRun, type LanePause, type RunRef, type Series } from '../model/index.ts';
import type { Opened, RunMapping } from '../route/index.ts';
import { addSeries, catalogueOf } from './catalogue-rows.ts';
import { dropRetryWish, readPauses, readRetryWish } from './lane-wishes.ts';
import { IS_REFUSED_FILE, IS_UNSUPPORTED_FILE, REFUSALS_NOW } from './listing.ts';
import type { LaneKey } from './row-ids.ts';
import {
  DELIVERED,
  fileFacts,
  KNOWN_FILE,
  KNOWN_FILES,
  KNOWN_FILES_OF,
  type KnownFileRow,
  knownFile,
  NEXT_RUNS,
  ONE_RUN,
  positionFacts,
  RUNS_OF_ROOT,
  stepOf,
} from './rows.ts';
import { OPENED_AT } from './schema.ts';
import type { StateStore } from './state-store.ts';
import type { Row } from './statements.ts';
import { type LaneVerdict, readVerdict } from './verified.ts';
import { readReport, type VerifyReport } from './verify-report.ts';

/** Data of a run that a lane has delivered, repeated points included. The numbers are for people. */
export interface Delivered {
  readonly points: number;
  readonly lastStep: number | bigint | null;
  /** The latest wall time, seconds; null if there was none. */
  readonly lastWallTime: number | null;
  /** True if the run's hparams report a failure. */
  readonly hasFailed: boolean;
}

/** The outcome for a file next to the event files, by one rule. */
export interface ArtifactState {
  /** The path below the run's directory. */
  readonly path: string;
  /** The task for the file as a text: another text is another rule. */
  readonly rule: string;
  /** The stamp of the file system, as for event files. */
  readonly stamp: string;
  readonly bytes: number;
  /** SHA-256 of the content that was sent, hex. */
  readonly hash: string;
  readonly outcome: ArtifactResult;
}

/** The outcome for a param file or an artifact. */
export interface ArtifactResult {
  readonly kind: 'done' | 'unsupported' | 'refused' | 'invalid';
  readonly reason?: string;
  /** True if the file is stored, but what should be made of it is missing. */
  readonly isStored?: true;
  /** Params that kept their value, since the tracker never changes one: `lr: 0.1, not 0.2`. */
  readonly kept?: readonly string[];
  /** The time of the tracker's last refusal, by the wall clock; missing in states of older versions. */
  readonly askedAtMs?: number;
}

/** True if the tracker was asked to take the file, and refused. A file that was never sent has no hash. */
export function isRefusedFile({ outcome, hash }: ArtifactState): boolean {
  return outcome.kind === 'refused' && hash !== '';
}

/** The numbers that one acceptance adds. */
export type NewlyDelivered = Pick<Delivered, 'points' | 'lastStep'> & Partial<Delivered>;

const WRITE_FILE = `
  INSERT INTO file (run, name, generation, read_to, guard, damage, size, stamp, records, file_version, writer)
  VALUES (?,?,?,?,?,?,?,?,?,?,?)
  ON CONFLICT (run, name) DO UPDATE SET generation = excluded.generation, read_to = excluded.read_to, guard = excluded.guard,
    damage = excluded.damage, size = excluded.size, stamp = excluded.stamp, records = excluded.records,
    file_version = excluded.file_version, writer = excluded.writer
  WHERE excluded.generation > generation OR (excluded.generation = generation AND excluded.read_to >= read_to)`;

const WRITE_POSITION = `
  INSERT OR REPLACE INTO position (lane, file, generation, watermark, gaps, last, records, size, stamp) VALUES (?,?,?,?,?,?,?,?,?)`;

/** A placeholder for a handle: the tracker run is opened later, as its other columns say. */
export const TO_OPEN = '';

/** Runs that are read in one go. Between two reads, other work may run. */
const RUNS_AT_A_TIME = 500;

/** The methods that change a lane's state. */
type LaneWrites =
  | 'accepted'
  | 'keepHandle'
  | 'keepRestart'
  | 'keepMapping'
  | 'keepArtifact'
  | 'forgetArtifact'
  | 'restart'
  | 'noteEnd'
  | 'refused'
  | 'forgetRefused'
  | 'addGaps'
  | 'setGaps'
  | 'keepJournal'
  | 'keepIntent'
  | 'clearIntent';

/** A lane's state for code that only reads it. */
export type LaneView = Omit<LaneState, LaneWrites | 'keepSnapshot' | 'dropRetryWish'>;

/** One lane's part of the state. Changes are committed in groups, see `GroupCommit`; reads show them at once. */
export class LaneState {
  readonly name: string;
  readonly target: string;
  readonly #key: LaneKey;
  readonly #store: StateStore;
  /**
   * Sums of runs with uncommitted changes. They are computed here, so that making a change again counts nothing
   * twice.
   */
  readonly #delivered = new Map<string, Delivered>();
  /** The number of commits before these sums: after the next one, the database has them. */
  #deliveredSince = 0;

  constructor(store: StateStore, key: LaneKey) {
    this.#store = store;
    this.#key = key;
    this.name = key.name;
    this.target = key.target;
  }

  /**
   * Returns the run's files with the positions from which this lane continues. Files that it never read, or read in
   * an older generation, begin at 0.
   */
  known(run: RunRef): KnownRun {
    const { ids, statements } = this.#store.reading();
    const lane = ids.findLane(this.#key) ?? 0;
    const row = statements.get(ONE_RUN, lane, run.root, run.path);
    if (row === undefined) return { files: [], points: 0, tags: 0, lastStep: null };
    const files = statements.allArrays(KNOWN_FILES, lane, Number(row.id), Number(row.id)) as unknown as KnownFileRow[];
    return this.#knownRun(run, row, files);
  }

  /** Returns what `known` returns for one file, without reading the others of its run. */
  knownFile(run: RunRef, name: string): FileState | undefined {
    const { ids, statements } = this.#store.reading();
    const [lane, row] = [ids.findLane(this.#key) ?? 0, ids.findRun(run)];
    if (row === undefined) return undefined;
    const [file] = statements.allArrays(KNOWN_FILE, lane, row, name) as unknown as KnownFileRow[];
    return file === undefined ? undefined : knownFile(file, statements);
  }

  /**
   * Yields every run of the state with what `known` returns for it, in the order in which they were added. This is
   * much faster than single calls.
   */
  *knownRuns(): Generator<readonly [run: RunRef, known: KnownRun], void, void> {
    for (let last = 0; ; ) {
      const { ids, statements } = this.#store.reading();
      const lane = ids.findLane(this.#key) ?? 0;
      const rows = statements.all(NEXT_RUNS, lane, last, RUNS_AT_A_TIME);
      const end = Number(rows.at(-1)?.id ?? 0);
      yield* this.#knownRows(rows, statements.allArrays(KNOWN_FILES, lane, last + 1, end));
      if (rows.length < RUNS_AT_A_TIME) return;
      last = end;
    }
  }

  /** Does the same for one root, without reading the others. */
  *knownRunsOf(root: string): Generator<readonly [run: RunRef, known: KnownRun], void, void> {
    const { ids, statements } = this.#store.reading();
    const lane = ids.findLane(this.#key) ?? 0;
    const all = statements.all(RUNS_OF_ROOT, lane, root);
    for (let at = 0; at < all.length; at += RUNS_AT_A_TIME) {
      const rows = all.slice(at, at + RUNS_AT_A_TIME);
      yield* this.#knownRows(rows, statements.allArrays(KNOWN_FILES_OF, lane, JSON.stringify(rows.map(({ id }) => id))));
    }
  }

  /** Yields some runs with their files. */
  *#knownRows(rows: readonly Row[], found: readonly unknown[][]): Generator<readonly [run: RunRef, known: KnownRun], void, void> {
    const files = Map.groupBy(found as unknown as readonly KnownFileRow[], ([run]) => run);
    for (const row of rows) {
      const run = { root: String(row.root), path: String(row.path) };
      yield [run, this.#knownRun(run, row, files.get(Number(row.id)) ?? [])];
    }
  }

  #knownRun(run: RunRef, row: Row, files: readonly KnownFileRow[]): KnownRun {
    const { statements } = this.#store;
    const { points, lastStep } = this.#onItsWay(run) ?? deliveredOf(row);
    return { files: files.map((file) => knownFile(file, statements)), tags: Number(row.tags), points, lastStep };
  }

  /** Returns the run's series so far, from whichever lane, in the order of their numbers. */
  catalogue(run: RunRef): readonly Series[] {
    return catalogueOf(this.#store.reading(), run);
  }

  /**
   * Notes that a backend has accepted everything up to `state`. Only a lane that has read at least as much as others
   * replaces the facts about the file itself: a lane that lags knows less.
   */
  accepted(run: RunRef, state: FileState, newSeries: readonly Series[], delivered?: NewlyDelivered): void {
    const { commits, statements, ids } = this.#store;
    const sum = delivered === undefined ? undefined : this.#add(run, delivered);
    commits.together(() => {
      addSeries(this.#store, run, newSeries);
      commits.change(this.#keyOf('accepted', run, state.name), () => {
        // biome-ignore lint/plugin/no-spread-into-calls: the columns of a row
        statements.run(WRITE_FILE, ids.run(run), state.name, ...fileFacts(state));
        if (this.#key.ownsPositions) return;
        // biome-ignore lint/plugin/no-spread-into-calls: the columns of a row
        statements.run(WRITE_POSITION, ids.lane(this.#key), ids.file(run, state.name), ...positionFacts(state));
      });
      if (sum !== undefined) this.#keepDelivered(run, sum);
    });
  }

  handle(run: RunRef): Handle | undefined {
    return this.#text(`SELECT handle AS text FROM handle WHERE lane = ? AND run = ? AND handle <> '${TO_OPEN}'`, run) as Handle | undefined;
  }

  /** Keeps the handle of an open tracker run, and how it was opened. */
  keepHandle(run: RunRef, handle: Handle, opened?: Opened): void {
    this.#writeHandle(run, handle, opened);
  }

  /** Notes how to open the tracker run that replaces the former one. Until it is open, `handle` returns undefined. */
  keepRestart(run: RunRef, as: Opened): void {
    this.#writeHandle(run, TO_OPEN, as);
  }

  #writeHandle(run: RunRef, handle: string, opened: Opened | undefined): void {
    const sql = 'INSERT OR REPLACE INTO handle (lane, run, handle, is_ended, opened) VALUES (?,?,?,0,?)';
    this.#change('handle', run, sql, handle, opened === undefined ? null : JSON.stringify(opened));
  }

  /** Returns how a tracker run was opened, or will be opened after a restart; undefined if neither was noted. */
  opened(run: RunRef): Opened | undefined {
    const text = this.#text('SELECT opened AS text FROM handle WHERE lane = ? AND run = ? AND opened IS NOT NULL', run);
    return text === undefined ? undefined : (JSON.parse(text) as Opened);
  }

  /** Returns the epochs of the tracker runs that were opened for this path and have moved with their runs to others. */
  epochsMovedFrom(run: RunRef): number[] {
    const { ids, statements } = this.#store.reading();
    const sql = `SELECT opened ->> '$.epoch' AS epoch FROM handle WHERE lane = ? AND ${OPENED_AT} = ? AND run <> ?`;
    return statements.all(sql, ids.findLane(this.#key) ?? 0, keyOfRun(run), ids.findRun(run) ?? 0).map(({ epoch }) => Number(epoch));
  }

  /** Returns every tracker run that has a handle. */
  handles(): (readonly [run: RunRef, handle: Handle])[] {
    const { ids, statements } = this.#store.reading();
    const sql = `SELECT root.name AS root, run.path, handle.handle FROM handle JOIN run ON run.id = handle.run
      JOIN root ON root.id = run.root
      WHERE handle.lane = ? AND handle.handle <> '${TO_OPEN}' ORDER BY root.name, run.path`;
    return statements
      .all(sql, ids.findLane(this.#key) ?? 0)
      .map(({ root, path, handle }) => [{ root: String(root), path: String(path) }, String(handle) as Handle]);
  }

  /** Returns the lane's mappings: of all runs that it does not mirror whole and as themselves. */
  mappings(): (readonly [run: RunRef, mapping: RunMapping])[] {
    const { ids, statements } = this.#store.reading();
    const sql = `SELECT root.name AS root, run.path, mapping.mapping FROM mapping JOIN run ON run.id = mapping.run
      JOIN root ON root.id = run.root WHERE mapping.lane = ?`;
    return statements
      .all(sql, ids.findLane(this.#key) ?? 0)
      .map(({ root, path, mapping }) => [{ root: String(root), path: String(path) }, statements.parse<RunMapping>(mapping)]);
  }

  /** Keeps the mapping of a run; undefined: the run is mirrored whole, as itself. */
  keepMapping(run: RunRef, mapping: RunMapping | undefined): void {
    if (mapping === undefined) this.#change('mapping', run, 'DELETE FROM mapping WHERE lane = ? AND run = ?');
    else this.#change('mapping', run, 'INSERT OR REPLACE INTO mapping (lane, run, mapping) VALUES (?,?,?)', JSON.stringify(mapping));
  }

  /** Returns the artifacts and params that were sent for a run, by path and rule. */
  artifacts(run: RunRef): ArtifactState[] {
    const { ids, statements } = this.#store.reading();
    const sql = 'SELECT path, rule, stamp, bytes, hash, outcome FROM side WHERE lane = ? AND run = ? ORDER BY path, rule';
    return statements.all(sql, ids.findLane(this.#key) ?? 0, ids.findRun(run) ?? 0).map(({ path, rule, stamp, bytes, hash, outcome }) => ({
      path: String(path),
      rule: String(rule),
      stamp: String(stamp),
      bytes: Number(bytes),
      hash: String(hash),
      outcome: statements.parse<ArtifactState['outcome']>(outcome),
    }));
  }

  /** Counts artifacts and params in all runs, by outcome. */
  artifactCounts(): Readonly<Record<ArtifactResult['kind'], number>> {
    const { ids, statements } = this.#store.reading();
    const sql = `SELECT outcome ->> '$.kind' AS kind, count(*) AS n FROM side WHERE lane = ? GROUP BY 1`;
    const found = statements.all(sql, ids.findLane(this.#key) ?? 0).map(({ kind, n }) => [String(kind), Number(n)]);
    return { done: 0, unsupported: 0, refused: 0, invalid: 0, ...Object.fromEntries(found) };
  }

  /** Returns artifacts and param files that the tracker refused, by name. */
  refusedFiles(): RefusedFile[] {
    return this.#filesWhere(IS_REFUSED_FILE);
  }

  /** Returns the files, params, versions of models and datasets for which the tracker has no place. */
  unsupportedFiles(): RefusedFile[] {
    return this.#filesWhere(IS_UNSUPPORTED_FILE);
  }

  #filesWhere(condition: string): RefusedFile[] {
    const { ids, statements } = this.#store.reading();
    const sql = `SELECT root.name AS root, run.path AS run, side.path, side.outcome ->> '$.reason' AS reason FROM side
      JOIN run ON run.id = side.run JOIN root ON root.id = run.root
      WHERE side.lane = ? AND ${condition} ORDER BY root.name, run.path, side.path, side.rule`;
    return statements.all(sql, ids.findLane(this.#key) ?? 0).map(({ root, run, path, reason }) => ({
      run: { root: String(root), path: String(run) },
      path: String(path),
      reason: String(reason ?? ''),
    }));
  }

  keepArtifact(run: RunRef, { path, rule, stamp, bytes, hash, outcome }: ArtifactState): void {
    const sql = 'INSERT OR REPLACE INTO side (lane, run, path, rule, stamp, bytes, hash, outcome) VALUES (?,?,?,?,?,?,?,?)';
    this.#change(`side ${path} ${rule}`, run, sql, path, rule, stamp, bytes, hash, JSON.stringify(outcome));
  }

  /** Forgets the outcome for a file by a rule, so that it is processed again. */
  forgetArtifact(run: RunRef, path: string, rule: string): void {
    this.#change(`side ${path} ${rule}`, run, 'DELETE FROM side WHERE lane = ? AND run = ? AND path = ? AND rule = ?', path, rule);
  }

  /**
   * Returns the last snapshot of the lane; undefined if there is none. It is a row of `meta`: states of all versions
   * can have it.
   */
  snapshot(): unknown {
    const { statements } = this.#store.reading();
    const row = statements.get('SELECT value FROM meta WHERE key = ?', this.#snapshotKey);
    return row === undefined ? undefined : statements.parse(row.value);
  }

  /** Keeps a snapshot of the lane, for `status` and for the next process. Only the last one is kept. */
  keepSnapshot(document: unknown): void {
    const { commits, statements } = this.#store;
    const text = JSON.stringify(document);
    commits.change(this.#snapshotKey, () =>
      statements.run('INSERT OR REPLACE INTO meta (key, value) VALUES (?,?)', this.#snapshotKey, text),
    );
  }

  /** Returns the last result of `verify` for the lane; undefined if it never compared the whole lane. */
  verdict(): LaneVerdict | undefined {
    return readVerdict(this.#store.reading().statements, this.name, this.target);
  }

  /** Returns what that comparison found; undefined if it was not kept. */
  report(): VerifyReport | undefined {
    return readReport(this.#store.reading().statements, this.name, this.target);
  }

  /** Returns the lane's pauses, which people asked for. */
  pauses(): LanePause[] {
    return readPauses(this.#store.reading().statements, this.name, this.target);
  }

  /** Returns the requested retry; undefined if there is none. */
  retryWish(): string | undefined {
    return readRetryWish(this.#store.reading().statements, this.name, this.target);
  }

  /** Drops a retry request that was carried out. */
  dropRetryWish(obeyed: string): void {
    const { commits, statements } = this.#store;
    const work = (): void => dropRetryWish(statements, this.name, this.target, obeyed);
    commits.change(JSON.stringify(['retry_now', this.name, this.target]), work);
  }

  get #snapshotKey(): string {
    return JSON.stringify(['stand', this.name, this.target]);
  }

  /** Forgets everything that the lane did with a run: it begins at 0. */
  restart(run: RunRef): void {
    const { commits, statements, ids } = this.#store;
    this.#delivered.delete(keyOfRun(run));
    commits.together(() => {
      for (const { name } of this.known(run).files) {
        commits.change(this.#keyOf('accepted', run, name), () =>
          statements.run('DELETE FROM position WHERE lane = ? AND file = ?', ids.lane(this.#key), ids.file(run, name)),
        );
      }
      for (const table of ['handle', 'mapping', 'side', 'journal', 'intent', 'delivered']) {
        this.#change(`restart ${table}`, run, `DELETE FROM ${table} WHERE lane = ? AND run = ?`);
      }
      this.#change('restart refusals', run, 'DELETE FROM refusal WHERE lane = ? AND file IN (SELECT id FROM file WHERE run = ?)');
    });
  }

  /** True if mirrorboard told the tracker that the run has ended. */
  isEnded(run: RunRef): boolean {
    return this.#text('SELECT is_ended AS text FROM handle WHERE lane = ? AND run = ?', run) === '1';
  }

  noteEnd(run: RunRef, isEnded: boolean): void {
    const { commits, statements, ids } = this.#store;
    commits.change(this.#keyOf('end', run), () =>
      statements.run('UPDATE handle SET is_ended = ? WHERE lane = ? AND run = ?', Number(isEnded), ids.lane(this.#key), ids.run(run)),
    );
  }

  /** Returns what was delivered of a run so far. */
  delivered(run: RunRef): Delivered {
    return this.#deliveredTo(run);
  }

  /** Notes points that a tracker will never take. A point that is refused again is the same row. */
  refused(run: RunRef, file: string, generation: number, refusals: readonly Refusal[]): void {
    const { commits, statements, ids } = this.#store;
    commits.together(() => {
      for (const { offset, index, kind, reason } of refusals) {
        commits.change(this.#keyOf('refused', run, file, generation, offset, index), () =>
          statements.run(
            'INSERT OR REPLACE INTO refusal (lane, file, generation, "offset", idx, kind, reason) VALUES (?,?,?,?,?,?,?)',
            ids.lane(this.#key),
            ids.file(run, file),
            generation,
            offset,
            index,
            kind,
            reason,
          ),
        );
      }
    });
  }

  /** Counts the points in the present files that the tracker should hold but refused. */
  refusedInAll(): number {
    const { ids, statements } = this.#store.reading();
    const lane = ids.findLane(this.#key);
    if (lane === undefined) return 0;
    return Number(statements.get(`SELECT count(*) AS n ${REFUSALS_NOW} AND refusal.lane = ? AND kind <> 'unsupported'`, lane)?.n ?? 0);
  }

  /** True if any point of a run was refused. */
  hasRefusals(run: RunRef): boolean {
    return (
      this.#text('SELECT 1 AS text FROM refusal JOIN file ON file.id = refusal.file WHERE lane = ? AND file.run = ? LIMIT 1', run) === '1'
    );
  }

  /** Returns what was refused between two offsets of a file (`end` exclusive). */
  refusals(run: RunRef, file: string, { generation, start, end }: Pick<Batch, 'generation' | 'start' | 'end'>): Refusal[] {
    const { ids, statements } = this.#store.reading();
    const [lane, row] = [ids.findLane(this.#key), ids.findFile(run, file)];
    if (lane === undefined || row === undefined) return [];
    const sql = `SELECT "offset", idx AS "index", kind, reason FROM refusal
      WHERE file = ? AND lane = ? AND generation = ? AND "offset" >= ? AND "offset" < ?`;
    return statements.all(sql, row, lane, generation, start, end).map((refusal) => ({ ...refusal }) as unknown as Refusal);
  }

  /** Forgets that points of a file were refused: the lane reads their bytes again. */
  forgetRefused(run: RunRef, file: string, generation: number): void {
    const { commits, statements, ids } = this.#store;
    commits.change(this.#keyOf('forget refused', run, file, generation), () =>
      statements.run(
        "DELETE FROM refusal WHERE lane = ? AND file = ? AND generation = ? AND kind = 'refused'",
        ids.lane(this.#key),
        ids.file(run, file),
        generation,
      ),
    );
  }

  /** Adds gaps to the lane's position in a file it has read: the next delivery sends those bytes again. */
  addGaps(run: RunRef, file: string, gaps: readonly Gap[]): void {
    const known = this.knownFile(run, file);
    if (known !== undefined) this.setGaps(run, file, [...known.position.gaps, ...gaps]);
  }

  /** Replaces the gaps of the lane's position in a file it has read. */
  setGaps(run: RunRef, file: string, gaps: readonly Gap[]): void {
    const known = this.knownFile(run, file);
    if (known === undefined) return;
    const sorted = gaps.toSorted((a, b) => a.start - b.start || a.end - b.end);
    const state = { ...known, position: { watermark: known.position.watermark, gaps: sorted } };
    const { commits, statements, ids } = this.#store;
    commits.change(this.#keyOf('accepted', run, file), () =>
      // biome-ignore lint/plugin/no-spread-into-calls: the columns of a row
      statements.run(WRITE_POSITION, ids.lane(this.#key), ids.file(run, file), ...positionFacts(state)),
    );
  }

  /** Returns the lines of a tracker run, in their order. */
  journal(run: RunRef): JournalEntry[] {
    const { ids, statements } = this.#store.reading();
    const [lane, row] = [ids.findLane(this.#key), ids.findRun(run)];
    if (lane === undefined || row === undefined) return [];
    return statements
      .all(
        `SELECT first_line AS firstLine, count, file, generation, start, "end", hash, mapping FROM journal
         WHERE lane = ? AND run = ? ORDER BY first_line`,
        lane,
        row,
      )
      .map((entry) => ({ ...entry }) as unknown as JournalEntry);
  }

  /** Adds an entry, or replaces the one with the same first line: the longer entry that it was merged into. */
  keepJournal(run: RunRef, entry: JournalEntry): void {
    const { firstLine, count, file, generation, start, end, hash, mapping } = entry;
    const sql = `INSERT OR REPLACE INTO journal (lane, run, first_line, count, file, generation, start, "end", hash, mapping)
      VALUES (?,?,?,?,?,?,?,?,?,?)`;
    this.#change(`journal ${firstLine}`, run, sql, firstLine, count, file, generation, start, end, hash, mapping);
  }

  intent(run: RunRef): Intent | undefined {
    return this.#text('SELECT intent AS text FROM intent WHERE lane = ? AND run = ?', run) as Intent | undefined;
  }

  /** Notes what is about to be sent. The note protects nothing until a flush of the state returns true. */
  keepIntent(run: RunRef, intent: Intent): void {
    this.#change('intent', run, 'INSERT OR REPLACE INTO intent (lane, run, intent) VALUES (?,?,?)', intent);
  }

  clearIntent(run: RunRef): void {
    this.#change('intent', run, 'DELETE FROM intent WHERE lane = ? AND run = ?');
  }

  #change(kind: string, run: RunRef, sql: string, ...values: (string | number | null)[]): void {
    const { commits, statements, ids } = this.#store;
    // biome-ignore lint/plugin/no-spread-into-calls: one for each placeholder of a statement
    commits.change(this.#keyOf(kind, run), () => statements.run(sql, ids.lane(this.#key), ids.run(run), ...values));
  }

  #text(sql: string, run: RunRef): string | undefined {
    const { ids, statements } = this.#store.reading();
    const [lane, row] = [ids.findLane(this.#key), ids.findRun(run)];
    if (lane === undefined || row === undefined) return undefined;
    const found = statements.get(sql, lane, row);
    return found === undefined ? undefined : String(found.text);
  }

  #keyOf(kind: string, { root, path }: RunRef, ...more: (string | number)[]): string {
    return JSON.stringify([kind, this.name, this.target, root, path, ...more]);
  }

  #add(run: RunRef, { points, lastStep, lastWallTime = null, hasFailed = false }: NewlyDelivered): Delivered {
    const before = this.#deliveredTo(run);
    const isLater = before.lastStep === null || (lastStep !== null && lastStep > before.lastStep);
    const wallTimes = [before.lastWallTime, lastWallTime].filter((time) => time !== null);
    return {
      points: before.points + points,
      lastStep: isLater ? lastStep : before.lastStep,
      lastWallTime: wallTimes.reduce<number | null>((latest, time) => (latest === null ? time : Math.max(latest, time)), null),
      hasFailed: before.hasFailed || hasFailed,
    };
  }

  #keepDelivered(run: RunRef, sum: Delivered): void {
    this.#onItsWay(run);
    this.#delivered.set(keyOfRun(run), sum);
    const sql = 'INSERT OR REPLACE INTO delivered (lane, run, points, last_step, last_wall_time, has_failed) VALUES (?,?,?,?,?,?)';
    const { commits, statements, ids } = this.#store;
    const { points, lastStep, lastWallTime, hasFailed } = sum;
    commits.change(this.#keyOf('delivered', run), () =>
      statements.run(sql, ids.lane(this.#key), ids.run(run), points, lastStep, lastWallTime, Number(hasFailed)),
    );
  }

  #onItsWay(run: RunRef): Delivered | undefined {
    const { commits } = this.#store.commits;
    if (this.#deliveredSince !== commits) this.#delivered.clear();
    this.#deliveredSince = commits;
    return this.#delivered.get(keyOfRun(run));
  }

  #deliveredTo(run: RunRef): Delivered {
    const known = this.#onItsWay(run);
    if (known !== undefined) return known;
    // Stored data may be read even if changes could not be made yet: uncommitted sums are found above.
    const { ids, statements } = this.#store;
    const row = ids.findRun(run);
    return deliveredOf(row === undefined ? undefined : statements.get(DELIVERED, row, ids.findLane(this.#key) ?? 0));
  }
}

function deliveredOf(row: Row | undefined): Delivered {
  return {
    points: Number(row?.points ?? 0),
    lastStep: stepOf(row?.last_step),
    lastWallTime: typeof row?.last_wall_time === 'number' ? row.last_wall_time : null,
    hasFailed: row?.has_failed === 1,
  };
}
