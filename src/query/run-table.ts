/**
 * Keeps in memory what the store says of each run, and what questions found out about it, until the run changes: a
 * page asks the same of 10,000 runs again and again, and few of them change in between.
 */
import { exact, type PreparedStatements, VISIBILITIES, type Visibility, wide } from '../backends/local/index.ts';
import { compareNames, keyOfRun, type RunRef } from '../model/index.ts';
import { systemRandom } from '../random.ts';
import type { Changes } from './questions.ts';

/** A run of the store with its row. Times are seconds since 1970. */
export interface QueriedRun {
  readonly id: number;
  readonly run: RunRef;
  readonly points: number;
  readonly lastStep: number | bigint | null;
  readonly firstWallTime: number | null;
  readonly lastWallTime: number | null;
  readonly files: number;
  /** The bytes of its files when they were last read to their ends, and how many of them are settled. */
  readonly bytes: number;
  readonly readBytes: number;
  readonly isDamaged: boolean;
  readonly visibility: Visibility;
  /** The number of the version in which it last changed. */
  readonly changedAt: number;
}

/** The last four columns only tell a change. */
const RUNS = `SELECT run.id, root.name, run.path, run.points, ${exact('run.last_step')}, run.first_wall_time, run.last_wall_time,
    count(file.id), coalesce(sum(file.size), 0), coalesce(sum(file.watermark), 0),
    coalesce(sum(file.damage <> '[]' OR file.gaps <> '[]'), 0), run.visibility,
    coalesce(sum(file.generation), 0), coalesce(sum(length(file.damage) + length(file.gaps)), 0), coalesce(max(file.id), 0), run.revision
  FROM run JOIN root ON root.id = run.root LEFT JOIN file ON file.run = run.id GROUP BY run.id`;

interface Entry {
  readonly row: readonly unknown[];
  readonly run: QueriedRun;
}

/** A function that remembers its answer for a run until the run changes. */
export type OfRun<Value> = (run: QueriedRun) => Value;

/** Numbers the states of a store that this object saw. Versions of any other object are unknown. */
export class RunTable {
  readonly #db: PreparedStatements;
  readonly #epoch = systemRandom.uuid();
  #number = 0;
  #dataVersion: unknown;
  #entries = new Map<number, Entry>();
  #byKey = new Map<string, QueriedRun>();
  #sorted: readonly QueriedRun[] = [];
  /** The number at which a run last disappeared. */
  #goneAt = 0;

  constructor(db: PreparedStatements) {
    this.#db = db;
  }

  /** Returns all runs by root and path. Call it inside a transaction, as everything here. */
  all(): readonly QueriedRun[] {
    this.#look();
    return this.#sorted;
  }

  /** Returns one run; undefined if the store does not have it. */
  find(run: RunRef): QueriedRun | undefined {
    this.#look();
    return this.#byKey.get(keyOfRun(run));
  }

  /** Returns the changes since a version. */
  changes(since: string | undefined): Changes {
    this.#look();
    const version = `${this.#epoch}:${this.#number}`;
    const [epoch, text] = since?.split(':') ?? [];
    const seen = Number(text);
    if (epoch !== this.#epoch || !Number.isSafeInteger(seen) || seen > this.#number || this.#goneAt > seen) return { version, runs: 'all' };
    return { version, runs: this.#sorted.filter(({ changedAt }) => changedAt > seen).map(({ run }) => run) };
  }

  /** Returns a function that asks `find` about a run only after the run changed. */
  remembering<Value>(find: (run: QueriedRun) => Value): OfRun<Value> {
    const known = new Map<number, { readonly changedAt: number; readonly value: Value }>();
    let cleanedAt = 0;
    return (run) => {
      if (cleanedAt < this.#goneAt) {
        for (const id of known.keys()) if (!this.#entries.has(id)) known.delete(id);
        cleanedAt = this.#goneAt;
      }
      const before = known.get(run.id);
      if (before?.changedAt === run.changedAt) return before.value;
      const value = find(run);
      known.set(run.id, { changedAt: run.changedAt, value });
      return value;
    };
  }

  /**
   * Returns what `findAll` says of all runs by their rows, and asks `find` about those that changed since. `find`
   * returns undefined for a run of which there is nothing to say.
   */
  rememberingAll<Value>(findAll: () => Map<number, Value>, find: (run: QueriedRun) => Value | undefined): () => ReadonlyMap<number, Value> {
    let known: Map<number, Value> | undefined;
    let at = 0;
    return () => {
      this.#look();
      const changed = this.#sorted.filter(({ changedAt }) => changedAt > at);
      // One question for all takes as long as a few hundred for one each.
      if (known === undefined || this.#goneAt > at || changed.length > Math.max(100, this.#sorted.length / 20)) known = findAll();
      else {
        for (const run of changed) {
          const value = find(run);
          if (value === undefined) known.delete(run.id);
          else known.set(run.id, value);
        }
      }
      at = this.#number;
      return known;
    };
  }

  #look(): void {
    const dataVersion = this.#db.prepare('PRAGMA data_version').get()?.['data_version'];
    if (dataVersion === this.#dataVersion) return;
    this.#dataVersion = dataVersion;
    const number = this.#number + 1;
    const entries = new Map<number, Entry>();
    let isChanged = false;
    const statement = this.#db.prepare(RUNS);
    statement.setReturnArrays(true);
    for (const row of statement.all() as unknown as readonly (readonly unknown[])[]) {
      const id = Number(row[0]);
      const before = this.#entries.get(id);
      const isSame = before?.row.every((value, i) => value === row[i]) === true;
      // Under its former name, the run is gone.
      if (before !== undefined && (before.row[1] !== row[1] || before.row[2] !== row[2])) this.#goneAt = number;
      if (!isSame) isChanged = true;
      entries.set(id, isSame ? before : { row, run: queriedRun(row, number) });
    }
    const isAnyGone = this.#entries.keys().some((id) => !entries.has(id));
    if (isAnyGone) this.#goneAt = number;
    if (!isChanged && !isAnyGone) return;
    this.#number = number;
    this.#entries = entries;
    this.#sorted = Array.from(entries.values(), ({ run }) => run).sort(byName);
    this.#byKey = new Map(this.#sorted.map((run) => [keyOfRun(run.run), run]));
  }
}

function byName({ run: a }: QueriedRun, { run: b }: QueriedRun): number {
  return compareNames(a.root, b.root) || compareNames(a.path, b.path);
}

function queriedRun(row: readonly unknown[], changedAt: number): QueriedRun {
  const [id, root, path, points, lastStep, firstWallTime, lastWallTime, files, bytes, readBytes, damaged, visibility] = row;
  return {
    id: Number(id),
    run: { root: String(root), path: String(path) },
    points: Number(points),
    lastStep: lastStep === null ? null : wide(lastStep),
    firstWallTime: firstWallTime as number | null,
    lastWallTime: lastWallTime as number | null,
    files: Number(files),
    bytes: Number(bytes),
    readBytes: Number(readBytes),
    isDamaged: Number(damaged) > 0,
    visibility: VISIBILITIES.find((each) => each === visibility) ?? 'visible',
    changedAt,
  };
}
