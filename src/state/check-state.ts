import { MirrorError, messageOf } from '../errors.ts';
import type { Damage, Gap, RecordMark } from '../model/index.ts';
import { checkGaps } from './check-gaps.ts';
import type { Row, Statements } from './statements.ts';

/** A problem in a state. */
export interface StateProblem {
  /** The run, file, lane or table with the problem. */
  readonly where: string;
  readonly what: string;
}

/** Checks every row. An empty list means a valid state. Corrupt pages can end the check early. */
export function checkState(statements: Statements): StateProblem[] {
  try {
    return findProblems(statements);
  } catch (error) {
    if (error instanceof MirrorError && error.code === 'MB3104') return [{ where: 'database', what: messageOf(error.cause ?? error) }];
    throw error;
  }
}

function findProblems(statements: Statements): StateProblem[] {
  const pages = statements.all('PRAGMA integrity_check').map(({ integrity_check: found }) => String(found));
  // If pages are corrupt, the other checks would only repeat that, or fail.
  if (pages.some((found) => found !== 'ok')) return pages.map((what) => ({ where: 'database', what }));
  return [
    ...orphans(statements),
    ...meta(statements),
    ...catalogues(statements),
    ...files(statements),
    ...positions(statements),
    ...generations(statements),
    ...journals(statements),
  ];
}

function orphans(statements: Statements): StateProblem[] {
  return statements
    .all('SELECT "table" AS name, parent, count(*) AS n FROM pragma_foreign_key_check GROUP BY 1, 2')
    .map(({ name, parent, n }) => ({ where: `table ${name}`, what: `${n} rows belong to a ${parent} that does not exist` }));
}

function meta(statements: Statements): StateProblem[] {
  const keys = new Set(statements.all("SELECT key FROM meta WHERE value <> ''").map(({ key }) => key));
  return ['instance_id', 'created_at'].filter((key) => !keys.has(key)).map((key) => ({ where: 'table meta', what: `${key} is missing` }));
}

function catalogues(statements: Statements): StateProblem[] {
  return statements
    .all(
      `SELECT root.name AS root, run.path, count(*) AS n, min(number) AS low, max(number) AS high FROM series
       JOIN run ON run.id = series.run JOIN root ON root.id = run.root GROUP BY run.id HAVING low <> 0 OR high <> n - 1`,
    )
    .map((row) => ({
      where: `${row.root}/${row.path}`,
      what: `its ${row.n} series have numbers from ${row.low} to ${row.high}: some are missing`,
    }));
}

function files(statements: Statements): StateProblem[] {
  const problems: StateProblem[] = [];
  for (const row of statements.all(`SELECT ${FILE_KEY}, file.* ${FROM_FILE}`)) {
    const report = (what: string): number => problems.push({ where: `${row.root}/${row.path}/${row.name}`, what });
    for (const column of ['generation', 'read_to', 'size', 'records']) if (Number(row[column]) < 0) report(`${column} is ${row[column]}`);
    const guard = parsed<[RecordMark | null, RecordMark | null]>(row.guard);
    if (!Array.isArray(guard) || (guard.length !== 2 && guard.length !== 3)) report('its guard cannot be read');
    const damage = parsed<Damage[]>(row.damage);
    if (!Array.isArray(damage)) report('its damage cannot be read');
    else for (const { start, end } of damage) if (!(start >= 0 && start < end)) report(`damage from ${start} to ${end} is not a range`);
  }
  return problems;
}

function positions(statements: Statements): StateProblem[] {
  const problems: StateProblem[] = [];
  const rows = statements.all(
    `SELECT ${FILE_KEY}, lane.name AS lane_name, position.*, file.generation AS file_generation ${FROM_FILE}
     JOIN position ON position.file = file.id JOIN lane ON lane.id = position.lane`,
  );
  for (const row of rows) {
    const report = (what: string): number => problems.push({ where: `lane ${row.lane_name}, ${row.root}/${row.path}/${row.name}`, what });
    const [watermark, size] = [Number(row.watermark), Number(row.size)];
    if (watermark < 0) report(`the watermark is ${watermark}`);
    // A file without a stamp was not read to its end at that size, or it was found shorter.
    if (row.stamp !== '' && watermark > size) report(`the watermark ${watermark} is beyond the end of the file, ${size}`);
    if (Number(row.generation) > Number(row.file_generation))
      report(`its generation ${row.generation} is newer than the file's, ${row.file_generation}`);
    const last = parsed<RecordMark | null>(row.last);
    if (last === undefined) report('its anchor cannot be read');
    else if (last !== null && last.offset >= watermark) report(`its anchor at ${last.offset} is not before the watermark ${watermark}`);
    const gaps = parsed<Gap[]>(row.gaps);
    if (!Array.isArray(gaps)) report('its gaps cannot be read');
    else for (const what of checkGaps(gaps, watermark)) report(what);
  }
  return problems;
}

function generations(statements: Statements): StateProblem[] {
  return statements
    .all(
      `SELECT ${FILE_KEY}, lane.name AS lane, count(*) AS n ${FROM_FILE} JOIN refusal ON refusal.file = file.id
       JOIN lane ON lane.id = refusal.lane WHERE refusal.generation NOT BETWEEN 0 AND file.generation GROUP BY lane.id, file.id`,
    )
    .map((row) => ({
      where: `lane ${row.lane}, ${row.root}/${row.path}/${row.name}`,
      what: `${row.n} refusals have a generation that does not exist`,
    }));
}

function journals(statements: Statements): StateProblem[] {
  return statements
    .all(
      `SELECT lane.name AS lane, root.name AS root, run.path, first_line, count, next FROM (
         SELECT *, lead(first_line) OVER (PARTITION BY lane, run ORDER BY first_line) AS next FROM journal) AS entry
       JOIN lane ON lane.id = entry.lane JOIN run ON run.id = entry.run JOIN root ON root.id = run.root
       WHERE count < 1 OR start >= "end" OR first_line + count > next`,
    )
    .map((row) => ({
      where: `lane ${row.lane}, ${row.root}/${row.path}`,
      what: `the journal's ${row.count} lines from ${row.first_line} are missing, or overlap the next ones`,
    }));
}

const FILE_KEY = 'root.name AS root, run.path, file.name';
const FROM_FILE = 'FROM file JOIN run ON run.id = file.run JOIN root ON root.id = run.root';

function parsed<T>(text: Row[string]): T | undefined {
  try {
    return JSON.parse(String(text)) as T;
  } catch {
    return undefined;
  }
}
