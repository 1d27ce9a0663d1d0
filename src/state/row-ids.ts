import { keyOfRun, type RunRef } from '../model/index.ts';
import type { Statements } from './statements.ts';

/** A lane's name and its target as configured, without secrets: together they are the lane's key. */
export interface LaneKey {
  readonly name: string;
  readonly target: string;
  /** True if the backend keeps the positions itself, and the state has none. */
  readonly ownsPositions: boolean;
}

/** Runs whose row ids are cached; the cache is cleared when there are more. */
const MOST_RUNS = 100_000;

/** The numbers of rows, by their public names. The caller must forget them when a transaction is rolled back. */
export class RowIds {
  readonly #statements: Statements;
  readonly #runs = new Map<string, number>();
  readonly #lanes = new Map<string, number>();

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  forget(): void {
    this.#runs.clear();
    this.#lanes.clear();
  }

  findLane({ name, target }: LaneKey): number | undefined {
    const key = JSON.stringify([name, target]);
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    const row = this.#statements.get('SELECT id FROM lane WHERE name = ? AND target = ?', name, target);
    if (row === undefined) return undefined;
    this.#lanes.set(key, Number(row.id));
    return Number(row.id);
  }

  lane(key: LaneKey): number {
    const known = this.findLane(key);
    if (known !== undefined) return known;
    this.#statements.run('INSERT INTO lane (name, target, owns_positions) VALUES (?,?,?)', key.name, key.target, Number(key.ownsPositions));
    return this.findLane(key) ?? 0;
  }

  findRun({ root, path }: RunRef): number | undefined {
    const key = keyOfRun({ root, path });
    const known = this.#runs.get(key);
    if (known !== undefined) return known;
    const row = this.#statements.get(
      'SELECT run.id FROM root JOIN run ON run.root = root.id WHERE root.name = ? AND run.path = ?',
      root,
      path,
    );
    if (row === undefined) return undefined;
    if (this.#runs.size >= MOST_RUNS) this.#runs.clear();
    this.#runs.set(key, Number(row.id));
    return Number(row.id);
  }

  run(run: RunRef): number {
    const known = this.findRun(run);
    if (known !== undefined) return known;
    this.#statements.run("INSERT INTO root (name, path) VALUES (?, '') ON CONFLICT DO NOTHING", run.root);
    this.#statements.run('INSERT INTO run (root, path) SELECT id, ? FROM root WHERE name = ?', run.path, run.root);
    return this.findRun(run) ?? 0;
  }

  findFile(run: RunRef, name: string): number | undefined {
    const runId = this.findRun(run);
    if (runId === undefined) return undefined;
    const row = this.#statements.get('SELECT id FROM file WHERE run = ? AND name = ?', runId, name);
    return row === undefined ? undefined : Number(row.id);
  }

  /** Returns the row of a file. If there is none, creates it, with nothing known of the file. */
  file(run: RunRef, name: string): number {
    const known = this.findFile(run, name);
    if (known !== undefined) return known;
    this.#statements.run(
      `INSERT INTO file (run, name, generation, read_to, guard, damage, size, stamp, records) ` +
        `VALUES (?, ?, 0, 0, '[null,null]', '[]', 0, '', 0)`,
      this.run(run),
      name,
    );
    return this.findFile(run, name) ?? 0;
  }
}
