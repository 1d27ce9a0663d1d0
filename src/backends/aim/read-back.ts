/**
 * Reads all points of a run back as they were sent: from the columns that Aim shows, and from what is stored next to
 * them.
 */

import type { ReadBackChunk, ReadBackOptions, ReadBackPoint } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { sha256Of } from '../../model/index.ts';
import { COLLAPSED, contentKey, EXACT_COLUMN, exactValue, narrow } from './cells.ts';
import type { AimClient, Resource } from './client.ts';
import type { Column } from './column.ts';
import { plainTextJson } from './map.ts';
import { ownFields } from './object-sequence.ts';
import { COLLAPSED_FIELD, readTraces, type Trace } from './sequences.ts';
import { readPosition } from './shown-position.ts';
import { AimBlob, childOf, type Key, type Tree } from './tree.ts';

const CHUNK_POINTS = 10_000;
/** Series that are read at the same time: the server sends an answer in small pieces, and waits after each. */
const SERIES_AT_ONCE = 8;
/** The most points to read ahead, if it is known how many a series has. */
const POINTS_AT_ONCE = 50_000;

/** Reads all points of a run, in chunks of one series. */
export async function* readRun(
  client: AimClient,
  hash: string,
  trees: { readonly meta: Resource; readonly seqs: Resource },
  { isWanted = () => true }: ReadBackOptions,
  signal: AbortSignal,
): AsyncGenerator<ReadBackChunk, void, void> {
  const chunk = ['meta', 'chunks', hash];
  const found = await client.branch(trees.meta, [...chunk, 'traces'], signal);
  const contexts = await client.branch(trees.meta, [...chunk, 'contexts'], signal);
  const wanted = readTraces(found, contexts).filter(({ series }) => series !== undefined && isWanted(series.tag));
  const pointsOf = (trace: Trace): Promise<ReadBackPoint[]> =>
    trace.series?.family === 'scalar' ? scalars(client, trees.seqs, trace, hash, signal) : objects(client, trees.seqs, trace, hash, signal);
  for await (const [{ series }, points] of ahead(wanted, pointsOf)) {
    for (let at = 0; series !== undefined && at < points.length; at += CHUNK_POINTS) {
      yield { tag: series.tag, plugin: series.plugin, points: points.slice(at, at + CHUNK_POINTS) };
    }
  }
}

/** Reads a few series at the same time, and yields them in their order. */
async function* ahead(
  traces: readonly Trace[],
  pointsOf: (trace: Trace) => Promise<ReadBackPoint[]>,
): AsyncGenerator<readonly [Trace, readonly ReadBackPoint[]], void, void> {
  const underWay: { readonly trace: Trace; readonly size: number; readonly points: Promise<ReadBackPoint[]> }[] = [];
  let size = 0;
  for (let next = 0; next < traces.length || underWay.length > 0; ) {
    const trace = traces[next];
    const more = trace === undefined ? 0 : mostPoints(trace);
    const hasRoom = underWay.length === 0 || (underWay.length < SERIES_AT_ONCE && size + more <= POINTS_AT_ONCE);
    if (trace !== undefined && hasRoom) {
      const points = pointsOf(trace);
      // A failure is thrown when its series is yielded.
      points.catch(() => undefined);
      underWay.push({ trace, size: more, points });
      size += more;
      next++;
      continue;
    }
    const first = underWay.shift();
    if (first === undefined) return;
    yield [first.trace, await first.points];
    size -= first.size;
  }
}

/** Returns the most points that a series can have: each step occurs once. An unknown number is infinite. */
function mostPoints({ series, fields }: Trace): number {
  const [first, last] = [childOf(fields, 'first_step'), childOf(fields, 'last_step')];
  const isKnown = series?.family === 'scalar' && typeof first === 'bigint' && typeof last === 'bigint';
  return isKnown && childOf(fields, COLLAPSED_FIELD) === undefined ? Number(last - first) + 1 : Number.POSITIVE_INFINITY;
}

async function scalars(
  client: AimClient,
  seqs: Resource,
  { contextId, name, fields }: Trace,
  hash: string,
  signal: AbortSignal,
): Promise<ReadBackPoint[]> {
  const base = ['seqs', 'v2', 'chunks', hash, contextId, name];
  const column = (key: string): Promise<Column> => client.column(seqs, [...base, key], signal);
  // The step is written last, so it is read first: a cell that has a step also has the other columns.
  const steps = await column('step');
  const [times, values] = await Promise.all([column('time'), column('val')]);
  const hasExact = childOf(fields, EXACT_COLUMN) === true;
  const exact = hasExact ? await client.items(seqs, [...base, EXACT_COLUMN], signal) : undefined;
  const points: ReadBackPoint[] = [];
  for (const [key, step] of steps.entries()) {
    const point = scalarOf(step, times.next(key), values.next(key), exact?.get(key));
    // Readers take the columns in parallel: a shorter column would shift everything behind it.
    if (point === undefined)
      throw new MirrorError('MB4005', `the Aim run ${hash} has a point of ${JSON.stringify(name)} without a time or a value`);
    points.push(point);
  }
  if (childOf(fields, COLLAPSED_FIELD) === undefined) return points;
  const seen = new Set(points.map((point) => contentKey(point as { step: number | bigint; wallTime: number; value: number | bigint })));
  for (const [key, collapsed] of await client.items(seqs, [...base, COLLAPSED], signal)) {
    const [step, time, value, whole] = ['step', 'time', 'val', 'exact'].map((field) => childOf(collapsed, field));
    const point = scalarOf(step, time, value, whole);
    // After a crash in the middle of a write, a point may be in both places.
    if (point !== undefined && !seen.has(String(key))) points.push(point);
  }
  return points;
}

function scalarOf(
  step: Tree | undefined,
  time: Tree | undefined,
  value: Tree | undefined,
  exact: Tree | undefined,
): ReadBackPoint | undefined {
  if (typeof step !== 'bigint' || typeof time !== 'number' || typeof value !== 'number') return undefined;
  return { step: narrow(step), wallTime: time, value: exactValue(exact, value) };
}

async function objects(
  client: AimClient,
  seqs: Resource,
  { contextId, name, fields, series }: Trace,
  hash: string,
  signal: AbortSignal,
): Promise<ReadBackPoint[]> {
  const base = ['seqs', 'chunks', hash, contextId, name];
  const read = (path: readonly Key[]): Promise<ReadonlyMap<Key, Tree>> => client.items(seqs, path, signal);
  const points = new Map<string, ReadBackPoint>();
  if (series?.family === 'image' || series?.family === 'audio') {
    // One at a time: each may have megabytes.
    for (const step of (await read([...base, 'time'])).keys()) {
      addObject(points, step, await client.find(seqs, 'collect', [[...base, 'val', step], true, false], signal));
    }
  } else for (const [step, value] of await read([...base, 'val'])) addObject(points, step, value);
  if (childOf(fields, COLLAPSED_FIELD) !== undefined) {
    for (const collapsed of (await read([...base, COLLAPSED])).values())
      addObject(points, childOf(collapsed, 'step'), childOf(collapsed, 'val'));
  }
  return [...points.values()];
}

/** Adds an object by its short name: after a crash in the middle of a write, a point may be in both places. */
function addObject(points: Map<string, ReadBackPoint>, step: Tree | undefined, value: Tree | undefined): void {
  const own = value === undefined ? undefined : ownFields(value);
  if (own === undefined || typeof step !== 'bigint') return;
  const { mb_id: id, mb_time: time, mb_value: exact, mb_place: placed } = own;
  if (typeof id !== 'string' || typeof time !== 'number') return;
  const data = own['data'] instanceof AimBlob ? own['data'].data : own['data'];
  const text = typeof exact === 'string' ? exact : typeof data === 'string' ? textOf(data, own) : undefined;
  if (text === undefined || !holdsAll(text, value as Tree, own)) return;
  const position = typeof placed === 'string' ? readPosition(placed) : undefined;
  points.set(id, { step: narrow(step), wallTime: time, value: text, ...position });
}

/**
 * Returns the exact text of an object that does not store one: JSON if the object is marked so, or else a plain text.
 */
function textOf(data: string, own: Readonly<Record<string, Tree>>): string {
  return own['mb_json'] === true ? data : plainTextJson(data);
}

/** True if the object has all bytes that a value names by their hashes. */
function holdsAll(text: string, value: Tree, own: Readonly<Record<string, Tree>>): boolean {
  const named = text.match(/"sha256":"[0-9a-f]{64}"/g) ?? [];
  if (named.length === 0) return true;
  const objects = Array.isArray(value) ? (value as readonly Tree[]) : [value];
  const collapsed = own['mb_blobs'];
  const blobs = [
    ...objects.map((object) => ownFields(object)?.['data']),
    ...(Array.isArray(collapsed) ? (collapsed as readonly Tree[]) : []),
  ];
  const held = new Set(
    blobs.flatMap((blob) => (blob instanceof AimBlob && typeof blob.data !== 'string' ? [`"sha256":"${sha256Of(blob.data)}"`] : [])),
  );
  return named.every((name) => held.has(name));
}
