import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { migrate, schemaVersion } from '../../../src/state/migrate.ts';
import type { MigrationStep } from '../../../src/state/schema.ts';

let db: DatabaseSync;
beforeEach(() => {
  db = new DatabaseSync(':memory:');
});
afterEach(() => db.close());

const tables = (): unknown[] =>
  db
    .prepare('SELECT name FROM sqlite_schema ORDER BY name')
    .all()
    .map(({ name }) => name);
const newId = (): string => 'id';
const first: MigrationStep = (to) => to.exec("CREATE TABLE a (v); INSERT INTO a VALUES ('kept')");
const second: MigrationStep = (to, { nowMs }) => to.exec(`ALTER TABLE a ADD COLUMN at DEFAULT ${nowMs}`);
const broken: MigrationStep = (to) => to.exec('CREATE TABLE b (v); INSERT INTO absent VALUES (1)');

describe('migrate', () => {
  test('runs each step once, in their order, and keeps the rows', () => {
    migrate(db, [first], { nowMs: 5, newId });
    expect(schemaVersion(db)).toBe(1);
    migrate(db, [first, second], { nowMs: 7, newId });
    expect(schemaVersion(db)).toBe(2);
    expect({ ...db.prepare('SELECT * FROM a').get() }).toEqual({ v: 'kept', at: 7 });
    migrate(db, [first, second], { nowMs: 9, newId });
    expect(schemaVersion(db)).toBe(2);
  });

  test('keeps the version before a failed step, and no changes of the step', () => {
    expect(() => migrate(db, [first, broken, second], { nowMs: 0, newId })).toThrow(/no such table/);
    expect(schemaVersion(db)).toBe(1);
    expect(tables()).toEqual(['a']);
    expect(db.isTransaction).toBe(false);
  });
});
