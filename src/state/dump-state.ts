import { readPauses } from './lane-wishes.ts';
import type { Row, Statements } from './statements.ts';
import { tasksIn } from './tasks.ts';
import { ALL_RUN_ROWS, runDocument } from './unit-document.ts';
import { readVerdict } from './verified.ts';

/**
 * Yields the whole content as one JSON document, run after run, so that the size of a state does not matter. Rows
 * have their public names, not their numbers: two states can be compared, and merged. Steps that no double can hold
 * are texts, bytes are base64. Described in docs/state.md.
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
  // Lanes are identified by their position in the list above.
  const places = new Map(lanes.map(({ id }, i) => [id, i]));
  for (const [i, run] of statements.all(ALL_RUN_ROWS).entries())
    yield `${i === 0 ? '' : ','}\n${JSON.stringify(runDocument(statements, run, places))}`;
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
    paused: readPauses(statements, String(name), String(target)).map(({ root, sinceMs }) => ({ root: root ?? null, since_ms: sinceMs })),
  };
}
