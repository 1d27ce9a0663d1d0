import type { SQLInputValue } from 'node:sqlite';
import { MirrorError } from '../errors.ts';
import { SCHEMA_VERSION } from './schema.ts';
import type { StateStore } from './state-store.ts';
import type { Statements } from './statements.ts';
import { type FileDocument, laneKeyOf, type RunDocument, type UnitDocument } from './unit-document.ts';

/** The tables with data of a run, besides its files. */
const OF_RUN = ['series', 'delivered', 'handle', 'journal', 'intent', 'mapping', 'side'] as const;
const OF_FILE = ['position', 'refusal', 'retry'] as const;

/** Throws MB3103 for a document of a newer schema version. */
export function checkUnit({ version }: UnitDocument): void {
  if (version <= SCHEMA_VERSION) return;
  throw new MirrorError('MB3103', `a unit has schema version ${version}; this mirrorboard knows versions up to ${SCHEMA_VERSION}`, {
    hint: 'Use the mirrorboard version that wrote it, or a newer one.',
    context: { version },
  });
}

/** Imports a unit, and replaces what was known of its runs before. Runs inside a transaction. */
export function importUnit(store: StateStore, { root, lanes, runs }: UnitDocument): void {
  const { statements, ids } = store;
  statements.run(
    `INSERT INTO root (name, path) VALUES (?,?) ON CONFLICT (name) DO UPDATE SET path = excluded.path WHERE excluded.path <> ''`,
    root.name,
    root.path,
  );
  const numbers = lanes.map((lane) => ids.lane(laneKeyOf(lane)));
  const laneAt = (place: number): number => numbers[place] ?? 0;
  for (const run of runs) importRun(store, run, laneAt);
}

function importRun({ statements, ids }: StateStore, document: RunDocument, laneAt: (place: number) => number): void {
  const run = ids.run({ root: document.root, path: document.run });
  for (const table of OF_FILE) statements.run(`DELETE FROM ${table} WHERE file IN (SELECT id FROM file WHERE run = ?)`, run);
  for (const table of [...OF_RUN, 'file']) statements.run(`DELETE FROM ${table} WHERE run = ?`, run);
  statements.run('UPDATE run SET grown_ms = ? WHERE id = ?', document.grown_ms, run);
  for (const { id, dataClass, displayName, firstFile, firstOffset, metadata, ...series } of document.series) {
    insert(statements, 'series', {
      ...{ run, number: id, ...series, data_class: dataClass, display_name: displayName },
      ...{ first_file: firstFile, first_offset: firstOffset, metadata: Buffer.from(metadata, 'base64') },
    });
  }
  for (const file of document.files) importFile(statements, run, file, laneAt);
  for (const { lane, last_step: step, ...delivered } of document.delivered) {
    const lastStep = typeof step === 'string' ? BigInt(step) : step;
    insert(statements, 'delivered', { ...delivered, last_step: lastStep, lane: laneAt(lane), run });
  }
  for (const { lane, opened, ...handle } of document.handles) {
    insert(statements, 'handle', { ...handle, opened: opened === null ? null : JSON.stringify(opened), lane: laneAt(lane), run });
  }
  for (const { lane, mapping } of document.mappings) {
    insert(statements, 'mapping', { mapping: JSON.stringify(mapping), lane: laneAt(lane), run });
  }
  for (const { lane, outcome, ...side } of document.side) {
    insert(statements, 'side', { ...side, outcome: JSON.stringify(outcome), lane: laneAt(lane), run });
  }
  for (const { lane, ...lines } of document.journal) insert(statements, 'journal', { ...lines, lane: laneAt(lane), run });
  for (const { lane, intent } of document.intents) insert(statements, 'intent', { intent, lane: laneAt(lane), run });
}

function importFile(statements: Statements, run: number, document: FileDocument, laneAt: (place: number) => number): void {
  const { retry, positions, refusals, guard, damage, ...facts } = document;
  insert(statements, 'file', { ...facts, guard: JSON.stringify(guard), damage: JSON.stringify(damage), run });
  const file = Number(statements.get('SELECT id FROM file WHERE run = ? AND name = ?', run, facts.name)?.id);
  if (retry !== null) insert(statements, 'retry', { ...retry, file });
  for (const { lane, gaps, last, ...position } of positions) {
    insert(statements, 'position', { ...position, gaps: JSON.stringify(gaps), last: JSON.stringify(last), lane: laneAt(lane), file });
  }
  for (const { lane, ...refusal } of refusals) insert(statements, 'refusal', { ...refusal, lane: laneAt(lane), file });
}

function insert(statements: Statements, table: string, row: Readonly<Record<string, SQLInputValue>>): void {
  const columns = Object.keys(row);
  const names = columns.map((column) => `"${column}"`).join(', ');
  // biome-ignore lint/plugin/no-spread-into-calls: the columns of a row
  statements.run(`INSERT INTO ${table} (${names}) VALUES (${columns.map(() => '?').join(', ')})`, ...Object.values(row));
}
