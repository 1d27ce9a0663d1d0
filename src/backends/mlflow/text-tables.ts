/**
 * Tables of a run's texts, one per tag, which MLflow shows with a row per step. A table can only be replaced. So tables
 * are written when a run ends, from the exact-point files. They are only for display: nothing is read from them.
 */

import type { BackendContext } from '../../contract/index.ts';
import { isFields, valueOrThrow } from '../../http/index.ts';
import type { Artifacts } from './artifacts.ts';
import type { MlflowClient } from './client.ts';
import { storable } from './cut-text.ts';
import type { MlflowRun } from './handle.ts';
import { fileNameOf } from './keys.ts';
import { TAG_LENGTH } from './limits.ts';
import { ExactFileReader } from './read-back.ts';

/** Limit of one table: the viewer shows all of it at once. Further texts are only in the other files. */
const MOST_ROWS = 5000;
const MOST_BYTES = 4 * 1024 * 1024;
/** Most bytes of exact-point files that are read for the tables, together. */
const MOST_EXACT_BYTES = 256 * 1024 * 1024;

/** Folder of the tables of texts in a run's artifacts. */
export const TEXT_FOLDER = 'text';
/**
 * MLflow's own tag with a list of tables, by which its pages find them (`MLFLOW_LOGGED_ARTIFACTS` in
 * `mlflow/utils/mlflow_tags.py`).
 */
const LOGGED = 'mlflow.loggedArtifacts';

type Row = readonly [step: number | string, wallTime: number | string, text: string];

/** Writes the tables of all texts that a run holds. Throws failures that may pass, and reports the others. */
export async function writeTextTables(
  client: MlflowClient,
  artifacts: Artifacts,
  run: MlflowRun,
  warn: BackendContext['warn'],
  signal: AbortSignal,
): Promise<void> {
  const { root, runId } = run;
  if (root === undefined) return;
  const folders = valueOrThrow(await artifacts.folders(runId, TEXT_FOLDER, signal));
  if (folders.size === 0) return;
  const exactFiles = new ExactFileReader(artifacts, run, signal);
  if ((await exactFiles.bytes()) > MOST_EXACT_BYTES) {
    warn('a run is too large for tables of its texts; each text is a file', { run: runId });
    return;
  }
  const paths: string[] = [];
  for (const [tag, rows] of await rowsByTag(exactFiles)) {
    const name = fileNameOf(tag);
    // A tag may have the name of another one's table.
    const path = folders.has(`${TEXT_FOLDER}/${name}.json`) ? `${TEXT_FOLDER}/${name}/table.json` : `${TEXT_FOLDER}/${name}.json`;
    const table = JSON.stringify({ columns: ['step', 'wall_time', 'text'], data: fitting(rows) });
    const failure = await artifacts.put(root, path, Buffer.from(table), signal);
    if (failure === undefined) paths.push(path);
    else if (failure.error.retry === 'later') throw failure.error;
    else warn('a table of texts could not be stored; each text is a file', { path, reason: failure.error.message });
  }
  const { tags } = valueOrThrow(await client.run(runId, signal));
  const listed = listedIn(tags.get(LOGGED), paths);
  if (paths.length > 0 && tags.get(LOGGED) !== listed) valueOrThrow(await client.logTags(runId, [{ key: LOGGED, value: listed }], signal));
}

async function rowsByTag(exactFiles: ExactFileReader): Promise<ReadonlyMap<string, readonly Row[]>> {
  const byTag = new Map<string, Row[]>();
  const points = exactFiles.points(
    () => true,
    () => undefined,
  );
  for await (const { tag, plugin, step, wallTime, value } of points) {
    if (plugin !== 'text') continue;
    const rows = byTag.get(tag) ?? [];
    byTag.set(tag, rows);
    rows.push([shown(step), shown(wallTime), textOf(String(value))]);
  }
  return byTag;
}

/** Returns the last rows by step, as many as fit. */
function fitting(rows: readonly Row[]): readonly Row[] {
  const sorted = rows.toSorted((a, b) => Number(a[0]) - Number(b[0]) || Number(a[1]) - Number(b[1])).slice(-MOST_ROWS);
  let bytes = 0;
  let from = sorted.length;
  for (const [, , text] of sorted.toReversed()) {
    bytes += text.length;
    if (bytes > MOST_BYTES) break;
    from--;
  }
  return sorted.slice(from);
}

/** Returns a number as JSON can hold it: JSON has no wide integers and no NaN. */
function shown(value: number | bigint): number | string {
  return typeof value === 'bigint' || !Number.isFinite(value) ? String(value) : value;
}

/** Returns the strings of a text point, one below the other, as its file has them. */
function textOf(json: string): string {
  const value: unknown = JSON.parse(json);
  const { strings } = isFields(value) ? value : {};
  const parts: readonly unknown[] = Array.isArray(strings) ? strings : [];
  return storable(parts.map((part) => (typeof part === 'string' ? part : JSON.stringify(part))).join('\n\n'));
}

/** Adds our tables to the list, as many as a tag has room for. The entries of others stay. */
function listedIn(before: string | undefined, paths: readonly string[]): string {
  let list: unknown[] = [];
  try {
    const found: unknown = JSON.parse(before ?? '[]');
    if (Array.isArray(found)) list = found;
  } catch {
    // The tag holds no list, so it is ignored.
  }
  const known = new Set(list.map((entry) => (entry as { readonly path?: unknown } | null)?.path));
  for (const path of paths) {
    if (known.has(path)) continue;
    const longer = [...list, { path, type: 'table' }];
    if (JSON.stringify(longer).length > TAG_LENGTH) break;
    list = longer;
  }
  return JSON.stringify(list);
}
