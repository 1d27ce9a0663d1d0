/** Stores changes that were made in the state, but perhaps not yet in a store or a tracker. */
import type { Removal, Tidying } from '../model/index.ts';
import type { Statements } from './statements.ts';

/** A change of the state that a store, or trackers, may not have made yet. */
export interface Task {
  readonly id: number;
  /** The store that must still make the change; undefined if there is none. */
  readonly store: string | undefined;
  readonly tidying: Tidying;
  readonly removals: readonly Removal[];
}

/** Tasks are rows of `meta`: states of all versions can have them. */
const OURS = `key LIKE '["task",%'`;

function keyOf(id: number): string {
  return JSON.stringify(['task', id]);
}

/** Returns the tasks in their order. */
export function tasksIn(statements: Statements): Task[] {
  return statements
    .all(`SELECT key, value FROM meta WHERE ${OURS}`)
    .map(({ key, value }) => {
      const [, id] = statements.parse<[string, number]>(key);
      const { store, ...task } = statements.parse<Omit<Task, 'id' | 'store'> & { readonly store?: string }>(value);
      return { id, store, ...task };
    })
    .sort((a, b) => a.id - b.id);
}

/** Returns the next free id of a task. */
export function nextTask(statements: Statements): number {
  return Number(statements.get(`SELECT max(key ->> '$[1]') AS last FROM meta WHERE ${OURS}`)?.last ?? 0) + 1;
}

/** Keeps a task that must still be finished. */
export function keepTask(statements: Statements, { id, ...task }: Task): void {
  statements.run('INSERT OR REPLACE INTO meta (key, value) VALUES (?,?)', keyOf(id), JSON.stringify(task));
}

/** Drops a task that is done. */
export function dropTask(statements: Statements, id: number): void {
  statements.run('DELETE FROM meta WHERE key = ?', keyOf(id));
}
