import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { FileState, Gap, Series } from '../../../src/model/index.ts';
import { checkGaps } from '../../../src/state/check-gaps.ts';
import { StateFile } from '../../../src/state/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const run = { root: 'logs', path: 'a' };
const journal = { file: 'f', generation: 0, start: 0, end: 10, hash: 'h', mapping: 'm' };

let folder = '';
let path = '';
beforeEach(() => {
  folder = temporaryFolder();
  path = join(folder, 'mirrorboard.state');
  const state = StateFile.open(path, { now: () => 0 });
  const lane = state.lane('mlflow', 't');
  const series = ['loss', 'acc', 'lr'].map(
    (tag, id): Series => ({
      id,
      tag,
      plugin: 'scalars',
      dataClass: 'scalar',
      metadata: new Uint8Array(),
      displayName: '',
      description: '',
      form: 'simple_value',
      firstFile: 'f',
      firstOffset: 0,
    }),
  );
  const file: FileState = {
    name: 'f',
    generation: 1,
    position: { watermark: 1000, gaps: [{ start: 100, end: 200, reason: 'damage' }] },
    guard: { first: { offset: 0, length: 8, checksum: 1 }, last: { offset: 900, length: 84, checksum: 1 } },
    damage: [{ start: 100, end: 200, reason: 'length_checksum' }],
    size: 1000,
    stamp: 's',
    records: 9,
  };
  lane.accepted(run, file, series);
  // Still being read for the first time: its size is not known yet.
  lane.accepted(run, { ...file, name: 'g', size: 0, stamp: '' }, []);
  lane.refused(run, 'f', 1, [{ offset: 0, index: 0, kind: 'refused', reason: 'too long' }]);
  lane.keepJournal(run, { ...journal, firstLine: 0, count: 10 });
  lane.keepJournal(run, { ...journal, firstLine: 10, count: 10 });
  state.close();
});
/** The problems that the check finds after a manual change. */
function found(sql: string): string[] {
  const db = new DatabaseSync(path, { enableForeignKeyConstraints: false });
  db.exec(sql);
  db.close();
  const reader = StateFile.openForReading(path);
  try {
    return reader.check().map(({ where, what }) => `${where}: ${what}`);
  } finally {
    reader.close();
  }
}

describe('checking a state', () => {
  test('finds no problem in a valid one', () => {
    expect(found('')).toEqual([]);
  });

  test.each([
    ["DELETE FROM meta WHERE key = 'created_at'", /^table meta: created_at is missing/],
    ['DELETE FROM root', /^table run: 1 rows belong to a root that does not exist/],
    ['DELETE FROM lane', /^table \w+: \d rows belong to a lane/],
    ["DELETE FROM file WHERE name = 'g'", /^table position: 1 rows belong to a file/],
    ['DELETE FROM series WHERE number = 1', /^logs\/a: its 2 series have numbers from 0 to 2/],
    ['DELETE FROM series WHERE number = 0', /^logs\/a: .* from 1 to 2/],
    [
      "UPDATE position SET watermark = 1001 WHERE stamp = 's'",
      /^lane mlflow, logs\/a\/f: the watermark 1001 is beyond the end of the file, 1000/,
    ],
    ["UPDATE position SET watermark = -1, gaps = '[]', last = 'null'", /the watermark is -1/],
    ['UPDATE position SET generation = 2', /its generation 2 is newer than the file's, 1/],
    ["UPDATE position SET gaps = '[{]'", /its gaps cannot be read/],
    [
      `UPDATE position SET gaps = '[{"start":900,"end":1100,"reason":"route"}]'`,
      /the gap from 900 to 1100 reaches beyond the watermark 1000/,
    ],
    [`UPDATE position SET last = '{"offset":1000,"length":1,"checksum":1}'`, /its anchor at 1000 is not before/],
    ["UPDATE position SET last = ''", /its anchor cannot be read/],
    ['UPDATE file SET size = -5', /^logs\/a\/f: size is -5/],
    ["UPDATE file SET guard = '{}'", /its guard cannot be read/],
    ["UPDATE file SET damage = 'x'", /its damage cannot be read/],
    [`UPDATE file SET damage = '[{"start":9,"end":9,"reason":"torn"}]'`, /damage from 9 to 9 is not a range/],
    ['UPDATE refusal SET generation = 2', /^lane mlflow, logs\/a\/f: 1 refusals have a generation that does not exist/],
    ['UPDATE journal SET count = 11 WHERE first_line = 0', /^lane mlflow, logs\/a: the journal's 11 lines from 0/],
    ['UPDATE journal SET "end" = 0 WHERE first_line = 10', /the journal's 10 lines from 10/],
  ])('finds what %s does', (sql, problem) => {
    const problems = found(sql);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.filter((each) => problem.test(each)).length).toBeGreaterThan(0);
    // and it is told from everything else that could be wrong
    expect(problems.length).toBeLessThan(8);
  });

  test('finds corrupt pages', () => {
    const bytes = readFileSync(path);
    const status = new DatabaseSync(path);
    const page = Number(status.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_file_1'").get()?.rootpage);
    status.close();
    bytes.fill(0xa5, (page - 1) * 4096, page * 4096);
    writeFileSync(path, bytes);
    expect(found('').join()).toMatch(/^database: /);
  });
});

describe('checkGaps', () => {
  const gap = (start: number, end: number, tags?: string[]): Gap => ({ start, end, reason: 'route', ...(tags && { tags }) });

  test('accepts gaps in order that do not overlap, or are of different tags', () => {
    expect(checkGaps([gap(0, 10), gap(10, 20), gap(30, 100)], 100)).toEqual([]);
    expect(checkGaps([gap(0, 100, ['a']), gap(0, 50, ['b']), gap(10, 20, ['c'])], 100)).toEqual([]);
  });

  test.each([
    [[gap(10, 20), gap(0, 5)], /comes after the later one/],
    [[gap(0, 10), gap(9, 20)], /overlaps the one from 0 to 10/],
    [[gap(0, 50, ['a']), gap(5, 6), gap(7, 8)], /overlaps/],
    [[gap(0, 50, ['a', 'b']), gap(20, 30, ['b'])], /overlaps/],
    [[gap(5, 5)], /not a range/],
    [[gap(-1, 5)], /not a range/],
    [[gap(1, 2.5)], /not a range/],
    [[gap(90, 101)], /beyond the watermark/],
  ])('finds the problem in %j', (gaps, problem) => {
    expect(checkGaps(gaps, 100).join()).toMatch(problem);
  });
});
