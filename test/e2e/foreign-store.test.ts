import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { corpus, freshDirectory, mustRun, remove } from './command.ts';

let folder: string;
let store: string;

beforeEach(() => {
  folder = freshDirectory();
  store = join(folder, 'mirrorboard.db');
});

afterEach(() => remove(folder));

function sqlite(sql: string): void {
  const db = new DatabaseSync(store);
  db.exec(sql);
  db.close();
}

describe('a file that is not a mirrorboard store', () => {
  const cases: readonly (readonly [what: string, make: () => unknown, code: string])[] = [
    [
      'a text',
      () => writeFileSync(store, 'Dear diary,\nthis is no database, but it is long enough to look like one.\n'.repeat(100)),
      'MB3002',
    ],
    [
      "another application's database",
      () => sqlite('PRAGMA application_id = 77; CREATE TABLE song (title); INSERT INTO song VALUES (1)'),
      'MB3002',
    ],
    ['a database of nobody in particular', () => sqlite('CREATE TABLE song (title); INSERT INTO song VALUES (1)'), 'MB3002'],
    ["another application's database without tables", () => sqlite('PRAGMA application_id = 77; PRAGMA user_version = 3'), 'MB3002'],
    [
      'a store of a newer version',
      async () => {
        await mustRun(['backfill', corpus('tf2_scalars')], { cwd: folder });
        sqlite('PRAGMA user_version = 99');
      },
      'MB3003',
    ],
  ];

  it.each(cases)('stays as it is: %s', async (_, make, code) => {
    await make();
    const before = readFileSync(store);
    for (const args of [['backfill', corpus('tf2_scalars')], ['backfill', '--dry-run', corpus('tf2_scalars')], ['export']]) {
      const { stderr, stdout } = await mustRun(args, { cwd: folder }, 2);
      expect(stderr).toMatch(code);
      expect(stdout).toBe('');
    }
    expect(readFileSync(store).equals(before)).toBe(true);
  });
});

describe('a store that is damaged', () => {
  it('is reported if it is cut off or overwritten', async () => {
    await mustRun(['backfill', corpus('tf2_scalars')], { cwd: folder });
    const whole = readFileSync(store);
    truncateSync(store, 5 * 16_384 + 1000);
    expect((await mustRun(['export'], { cwd: folder }, 1)).stderr).toMatch('MB3006');
    expect((await mustRun(['backfill', corpus('tf2_media')], { cwd: folder }, 1)).stderr).toMatch('MB3006');
    whole.fill(0xab, 16_384);
    writeFileSync(store, whole);
    expect((await mustRun(['export'], { cwd: folder }, 1)).stderr).toMatch('MB3006');
    expect((await mustRun(['backfill', corpus('tf2_media')], { cwd: folder }, 1)).stderr).toMatch('MB3006');
  });

  it('is mirrored again from the start after it was removed', async () => {
    await mustRun(['backfill', corpus('tf2_media')], { cwd: folder });
    const { stdout } = await mustRun(['export'], { cwd: folder });
    rmSync(store);
    await mustRun(['backfill', corpus('tf2_media')], { cwd: folder });
    expect((await mustRun(['export'], { cwd: folder })).stdout).toBe(stdout);
  });

  it('may start as an empty file, as mktemp makes it', async () => {
    writeFileSync(store, '');
    await mustRun(['backfill', corpus('tf2_media')], { cwd: folder });
    await mustRun(['export'], { cwd: folder });
  });
});
