/** All points of a run, as they were sent: from the columns that Aim shows, and from what is next to them. */

import type { ReadBackChunk, ReadBackOptions, ReadBackPoint } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { sha256Of } from '../../model/index.ts';
import { BESIDE, contentKey, EXACT_COLUMN, exactValue, narrow } from './cells.ts';
import type { AimClient, Resource } from './client.ts';
import { plainTextJson } from './map.ts';
import { ownFields } from './object-sequence.ts';
import { readPlace } from './place.ts';
import { COLLAPSED_FIELD, readTraces, type Trace } from './sequences.ts';
import { AimBlob, childOf, type Key, type Tree } from './tree.ts';

const CHUNK_POINTS = 10_000;
const SERIES_AT_ONCE = 8;

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
  const read = (path: readonly Key[]): Promise<ReadonlyMap<Key, Tree>> => client.items(trees.seqs, path, signal);
  const wanted = readTraces(found, contexts).filter(({ series }) => series !== undefined && isWanted(series.tag));
  for (const group of together(wanted)) {
    const held = await Promise.all(
      group.map((trace) =>
        trace.series?.family === 'scalar' ? scalars(trace, hash, read) : objects(client, trees.seqs, trace, hash, read, signal),
      ),
    );
    for (const [i, { series }] of group.entries()) {
      const points = held[i] ?? [];
      for (let at = 0; series !== undefined && at < points.length; at += CHUNK_POINTS) {
        yield { tag: series.tag, plugin: series.plugin, points: points.slice(at, at + CHUNK_POINTS) };
      }
    }
  }
}

/** Sequences that are read at the same time: a few if all are short, because then the round trips take the time. */
function together(traces: readonly Trace[]): readonly (readonly Trace[])[] {
  const groups: Trace[][] = [];
  let isOpen = false;
  for (const trace of traces) {
    const group = groups.at(-1);
    if (group !== undefined && isOpen && isShort(trace) && group.length < SERIES_AT_ONCE) group.push(trace);
    else groups.push([trace]);
    isOpen = isShort(trace);
  }
  return groups;
}

/** Each step is there once, so no more points than steps. */
function isShort({ series, fields }: Trace): boolean {
  const [first, last] = [childOf(fields, 'first_step'), childOf(fields, 'last_step')];
  if (series?.family !== 'scalar' || typeof first !== 'bigint' || typeof last !== 'bigint') return false;
  return last - first < CHUNK_POINTS && childOf(fields, COLLAPSED_FIELD) === undefined;
}

const NONE: ReadonlyMap<Key, Tree> = new Map();

type Read = (path: readonly Key[]) => Promise<ReadonlyMap<Key, Tree>>;

async function scalars({ contextId, name, fields }: Trace, hash: string, read: Read): Promise<ReadBackPoint[]> {
  const base = ['seqs', 'v2', 'chunks', hash, contextId, name];
  // Written last, so read first: whatever has a step by now has the others.
  const steps = await read([...base, 'step']);
  const [times, values] = await Promise.all([read([...base, 'time']), read([...base, 'val'])]);
  const exact = childOf(fields, EXACT_COLUMN) === true ? await read([...base, EXACT_COLUMN]) : NONE;
  const points: ReadBackPoint[] = [];
  for (const [key, step] of steps) {
    const point = scalarOf(step, times.get(key), values.get(key), exact.get(key));
    // Readers take the columns side by side: one that is shorter than the others shifts all that follow.
    if (point === undefined)
      throw new MirrorError('MB4005', `the Aim run ${hash} has a point of ${JSON.stringify(name)} without a time or a value`);
    points.push(point);
  }
  if (childOf(fields, COLLAPSED_FIELD) === undefined) return points;
  const seen = new Set(points.map((point) => contentKey(point as { step: number | bigint; wallTime: number; value: number | bigint })));
  for (const [key, collapsed] of await read([...base, BESIDE])) {
    const point = scalarOf(childOf(collapsed, 'step'), childOf(collapsed, 'time'), childOf(collapsed, 'val'), childOf(collapsed, 'exact'));
    // Between two parts of a crash a point may be in both places.
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
  read: Read,
  signal: AbortSignal,
): Promise<ReadBackPoint[]> {
  const base = ['seqs', 'chunks', hash, contextId, name];
  const points = new Map<string, ReadBackPoint>();
  if (series?.family === 'image' || series?.family === 'audio') {
    // One by one: each may be megabytes.
    for (const step of (await read([...base, 'time'])).keys()) {
      addObject(points, step, await client.find(seqs, 'collect', [[...base, 'val', step], true, false], signal));
    }
  } else for (const [step, value] of await read([...base, 'val'])) addObject(points, step, value);
  if (childOf(fields, COLLAPSED_FIELD) !== undefined) {
    for (const collapsed of (await read([...base, BESIDE])).values())
      addObject(points, childOf(collapsed, 'step'), childOf(collapsed, 'val'));
  }
  return [...points.values()];
}

/** By its short name: between two parts of a crash a point may be in both places. */
function addObject(points: Map<string, ReadBackPoint>, step: Tree | undefined, value: Tree | undefined): void {
  const own = value === undefined ? undefined : ownFields(value);
  if (own === undefined || typeof step !== 'bigint') return;
  const { mb_id: id, mb_time: time, mb_value: exact, mb_place: placed } = own;
  if (typeof id !== 'string' || typeof time !== 'number') return;
  const data = own['data'] instanceof AimBlob ? own['data'].data : own['data'];
  const text = typeof exact === 'string' ? exact : typeof data === 'string' ? textOf(data, own) : undefined;
  if (text === undefined || !holdsAll(text, value as Tree, own)) return;
  const place = typeof placed === 'string' ? readPlace(placed) : undefined;
  points.set(id, { step: narrow(step), wallTime: time, value: text, ...place });
}

/** What has no text of its own is one: JSON that says so of itself, or a plain text. */
function textOf(data: string, own: Readonly<Record<string, Tree>>): string {
  return own['mb_json'] === true ? data : plainTextJson(data);
}

/** Whether the bytes that a value names by their hashes are there. */
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
