import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { damaged } from './file-header.ts';
import { translated } from './sqlite-error.ts';

/** A row of a result, by column. */
export type Row = Readonly<Record<string, unknown>>;

/** A database with cached prepared statements. Errors are translated into those of the state. */
export class Statements {
  readonly db: DatabaseSync;
  /** The file's path, for messages. */
  readonly path: string;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(db: DatabaseSync, path: string) {
    this.db = db;
    this.path = path;
  }

  run(sql: string, ...parameters: SQLInputValue[]): void {
    try {
      // biome-ignore lint/plugin/no-spread-into-calls: one for each placeholder of a statement
      this.#statement(sql).run(...parameters);
    } catch (error) {
      throw translated(error, this.path, 'writing');
    }
  }

  get(sql: string, ...parameters: SQLInputValue[]): Row | undefined {
    try {
      // biome-ignore lint/plugin/no-spread-into-calls: one for each placeholder of a statement
      return this.#statement(sql).get(...parameters);
    } catch (error) {
      throw translated(error, this.path, 'reading');
    }
  }

  all(sql: string, ...parameters: SQLInputValue[]): Row[] {
    try {
      // biome-ignore lint/plugin/no-spread-into-calls: one for each placeholder of a statement
      return this.#statement(sql).all(...parameters);
    } catch (error) {
      throw translated(error, this.path, 'reading');
    }
  }

  /** Yields rows one by one, for callers that may need only the first ones. */
  *iterate(sql: string, ...parameters: SQLInputValue[]): Generator<Row, void, void> {
    try {
      // Of its own: two that go through the same rows at once must not end each other.
      // biome-ignore lint/plugin/no-spread-into-calls: one for each placeholder of a statement
      yield* this.db.prepare(sql).iterate(...parameters);
    } catch (error) {
      throw translated(error, this.path, 'reading');
    }
  }

  /** Returns rows as arrays of their columns. A statement must always or never be read in this way. */
  allArrays(sql: string, ...parameters: SQLInputValue[]): unknown[][] {
    try {
      const statement = this.#statement(sql);
      statement.setReturnArrays(true);
      // biome-ignore lint/plugin/no-spread-into-calls: one for each placeholder of a statement
      return statement.all(...parameters) as unknown as unknown[][];
    } catch (error) {
      throw translated(error, this.path, 'reading');
    }
  }

  /** Parses a JSON text from the file. */
  parse<T>(text: unknown): T {
    try {
      // Nearly all files have no gaps and no damage: this shortcut saves a quarter of the time of loading a state.
      return (text === '[]' ? [] : JSON.parse(String(text))) as T;
    } catch {
      throw damaged(this.path, `found ${JSON.stringify(String(text).slice(0, 50))}, expected JSON`);
    }
  }

  #statement(sql: string): StatementSync {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) {
      statement = this.db.prepare(sql);
      this.#prepared.set(sql, statement);
    }
    return statement;
  }
}
