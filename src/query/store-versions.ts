/** Finds the changes of a store since a caller's last question: for caches, and for pages that follow a run. */
import type { PreparedStatements } from '../backends/local/index.ts';
import type { RunRef } from '../model/index.ts';
import { systemRandom } from '../random.ts';
import type { Changes } from './questions.ts';

interface SeenRun {
  readonly run: RunRef;
  /** The part of a run's rows that changes with its points or its files. */
  readonly state: string;
  /** The number of the version at which it last changed. */
  readonly changedAt: number;
}

const STATES = `SELECT run.id, root.name AS root, run.path,
  run.points || ':' || count(file.id) || ':' || coalesce(sum(file.size), 0) || ':' || coalesce(sum(file.watermark), 0) || ':' ||
    coalesce(sum(file.generation), 0) || ':' || coalesce(sum(length(file.damage) + length(file.gaps)), 0) ||
    ':' || coalesce(max(file.id), 0) || ':' || coalesce(run.visibility, '') AS state
  FROM run JOIN root ON root.id = run.root LEFT JOIN file ON file.run = run.id GROUP BY run.id`;

/** Numbers the states of a store that this object saw. Versions of any other object are unknown. */
export class StoreVersions {
  readonly #db: PreparedStatements;
  readonly #epoch = systemRandom.uuid();
  #number = 0;
  #dataVersion: unknown;
  #runs = new Map<number, SeenRun>();
  /** The number at which a run last disappeared. */
  #goneAt = 0;

  constructor(db: PreparedStatements) {
    this.#db = db;
  }

  /** Returns the changes since a version. Call it inside a transaction. */
  changes(since: string | undefined): Changes {
    this.#look();
    const version = `${this.#epoch}:${this.#number}`;
    const [epoch, text] = since?.split(':') ?? [];
    const seen = Number(text);
    if (epoch !== this.#epoch || !Number.isSafeInteger(seen) || seen > this.#number || this.#goneAt > seen) return { version, runs: 'all' };
    return { version, runs: [...this.#runs.values()].filter(({ changedAt }) => changedAt > seen).map(({ run }) => run) };
  }

  #look(): void {
    const dataVersion = this.#db.prepare('PRAGMA data_version').get()?.['data_version'];
    if (dataVersion === this.#dataVersion) return;
    this.#dataVersion = dataVersion;
    const number = this.#number + 1;
    const runs = new Map<number, SeenRun>();
    let hasChanged = false;
    for (const row of this.#db.prepare(STATES).iterate()) {
      const id = Number(row['id']);
      const before = this.#runs.get(id);
      const run = { root: String(row['root']), path: String(row['path']) };
      const state = String(row['state']);
      const isSame = before?.state === state && before.run.path === run.path && before.run.root === run.root;
      if (!isSame) hasChanged = true;
      // Under its former name, the run is gone.
      if (before !== undefined && (before.run.path !== run.path || before.run.root !== run.root)) this.#goneAt = number;
      runs.set(id, isSame ? before : { run, state, changedAt: number });
    }
    const isAnyGone = this.#runs.keys().some((id) => !runs.has(id));
    if (isAnyGone) this.#goneAt = number;
    if (hasChanged || isAnyGone) this.#number = number;
    this.#runs = runs;
  }
}
