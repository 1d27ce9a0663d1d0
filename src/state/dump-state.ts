import { seriesOf, stepOf } from './rows.ts';
import type { Row, Statements } from './statements.ts';
import { tasksIn } from './tasks.ts';
import { readVerdict } from './verified.ts';

/**
 * The whole content as one JSON document, run after run, so that the size of a state is no matter. Rows are named as
 * others know them, not by their numbers: two states can be compared, and merged. Steps that no double holds are
 * texts, bytes are base64. Described in docs/state.md.
 */
export function* dumpState(statements: Statements): Generator<string, void, void> {
  const facts = statements.all("SELECT key, value FROM meta WHERE key NOT LIKE '[%'");
  const meta = Object.fromEntries(facts.map(({ key, value }) => [key, value]));
  const status = statements.get('SELECT written_ms, document FROM status');
  const version = statements.get('PRAGMA user_version')?.user_version;
  yield `{"format":"mirrorboard.state","version":${version},"meta":${JSON.stringify(meta)},\n"status":`;
  yield JSON.stringify(status === undefined ? null : { written_ms: status.written_ms, document: statements.parse(status.document) });
  const lanes = statements.all('SELECT id, name, target, owns_positions FROM lane ORDER BY id');
  const roots = statements.all('SELECT name, path FROM root ORDER BY name');
  yield `,\n"tasks":${JSON.stringify(tasksIn(statements))}`;
  yield `,\n"roots":${JSON.stringify(roots)},\n"lanes":${JSON.stringify(lanes.map((lane) => laneJson(statements, lane)))},\n"runs":[`;
  // Lanes are told by their place in the list above.
  const place = new Map(lanes.map(({ id }, i) => [id, i]));
  const runs = statements.all(
    'SELECT run.id, root.name, run.path, run.grown_ms FROM run JOIN root ON root.id = run.root ORDER BY root.name, run.path',
  );
  for (const [i, run] of runs.entries()) yield `${i === 0 ? '' : ','}\n${JSON.stringify(runJson(statements, run, place))}`;
  yield ']}\n';
}

function laneJson(statements: Statements, { name, target, owns_positions }: Row): object {
  const stand = statements.get('SELECT value FROM meta WHERE key = ?', JSON.stringify(['stand', name, target]));
  const verdict = readVerdict(statements, String(name), String(target));
  return {
    name,
    target,
    owns_positions: owns_positions === 1,
    stand: stand === undefined ? null : statements.parse(stand.value),
    verified: verdict === undefined ? null : { at_ms: verdict.atMs, differences: verdict.differences },
  };
}

type Places = ReadonlyMap<unknown, number>;

function runJson(statements: Statements, run: Row, lanes: Places): object {
  const id = Number(run.id);
  const of = (sql: string): object[] => statements.all(sql, id).map((row) => withLane(row, lanes));
  return {
    root: run.name,
    run: run.path,
    grown_ms: run.grown_ms,
    series: statements.all('SELECT * FROM series WHERE run = ? ORDER BY number', id).map((row) => {
      const { metadata, ...series } = seriesOf(row);
      return { ...series, metadata: Buffer.from(metadata).toString('base64') };
    }),
    files: statements.all('SELECT * FROM file WHERE run = ? ORDER BY name', id).map((row) => fileJson(statements, row, lanes)),
    delivered: statements
      .all(
        'SELECT lane, points, CAST(last_step AS TEXT) AS last_step, last_wall_time, has_failed FROM delivered WHERE run = ? ORDER BY lane',
        id,
      )
      .map((row) => withLane({ ...row, last_step: textStep(row.last_step) }, lanes)),
    handles: statements
      .all('SELECT lane, handle, is_ended, opened FROM handle WHERE run = ? ORDER BY lane', id)
      .map(({ opened, ...row }) => withLane({ ...row, opened: opened === null ? null : statements.parse(opened) }, lanes)),
    mappings: statements
      .all('SELECT lane, mapping FROM mapping WHERE run = ? ORDER BY lane', id)
      .map(({ mapping, ...row }) => withLane({ ...row, mapping: statements.parse(mapping) }, lanes)),
    side: statements
      .all('SELECT lane, path, rule, stamp, bytes, hash, outcome FROM side WHERE run = ? ORDER BY lane, path, rule', id)
      .map(({ outcome, ...row }) => withLane({ ...row, outcome: statements.parse(outcome) }, lanes)),
    journal: of(
      'SELECT lane, first_line, count, file, generation, start, "end", hash, mapping FROM journal WHERE run = ? ORDER BY lane, first_line',
    ),
    intents: of('SELECT lane, intent FROM intent WHERE run = ? ORDER BY lane'),
  };
}

function fileJson(statements: Statements, { id, run: _, guard, damage, ...facts }: Row, lanes: Places): object {
  const file = Number(id);
  const positions = statements.all('SELECT * FROM position WHERE file = ? ORDER BY lane', file);
  return {
    ...facts,
    guard: statements.parse(guard),
    damage: statements.parse(damage),
    retry: statements.get('SELECT attempts, next_ms FROM retry WHERE file = ?', file) ?? null,
    positions: positions.map(({ file: __, gaps, last, ...row }) => ({
      ...withLane(row, lanes),
      gaps: statements.parse(gaps),
      last: statements.parse(last),
    })),
    refusals: statements
      .all(
        'SELECT lane, generation, "offset", idx, kind, reason FROM refusal WHERE file = ? ORDER BY lane, generation, "offset", idx',
        file,
      )
      .map((row) => withLane(row, lanes)),
  };
}

function withLane(row: Row, lanes: Places): object {
  return { ...row, lane: lanes.get(row.lane) };
}

function textStep(text: unknown): number | string | null {
  const step = stepOf(text);
  return typeof step === 'bigint' ? String(step) : step;
}
