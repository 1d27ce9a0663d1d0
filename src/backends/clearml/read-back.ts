/** Everything of ours that a task holds: scalars and plots by their keys, all else from segments. What others wrote is left alone. */
import type { ReadBackChunk, ReadBackOptions, ReadBackPoint } from '../contract.ts';
import type { Fields } from './answers.ts';
import { type EventSource, plotText, stepOf } from './events.ts';
import { readKey, tagOf } from './keys.ts';
import { valueInPlot } from './map.ts';
import { encodedPath } from './paths.ts';
import { OWN_METRIC, readLine, readSegmentName, SEGMENT_VARIANT, type StoredPoint } from './segments.ts';

const CHUNK_POINTS = 10_000;
const CHUNK_BYTES = 8 * 1024 * 1024;

type Wanted = (tag: string) => boolean;

export async function* readBack(source: EventSource, options: ReadBackOptions): AsyncGenerator<ReadBackChunk, void, void> {
  const signal = options.signal ?? new AbortController().signal;
  const isWanted = options.isWanted ?? (() => true);
  for (const type of ['training_stats_scalar', 'plot']) {
    for await (const events of source.pages(type, signal)) yield* chunksOf(events, isWanted);
  }
  yield* segmentChunks(source, isWanted, signal);
}

function* chunksOf(events: readonly Fields[], isWanted: Wanted): Generator<ReadBackChunk, void, void> {
  const chunks = new Map<string, { tag: string; plugin: string; points: ReadBackPoint[] }>();
  for (const event of events) {
    const key = readKey(event['key']);
    const step = stepOf(event);
    if (key === undefined || step === undefined) continue;
    const tag = tagOf(String(event['metric'] ?? ''), String(event['variant'] ?? ''));
    if (!isWanted(tag)) continue;
    const held =
      event['type'] === 'plot' ? plotValue(event) : { plugin: 'scalars', value: key.value ?? Number(event['value'] ?? Number.NaN) };
    if (held === undefined) continue;
    const id = `${held.plugin}\n${tag}`;
    let chunk = chunks.get(id);
    if (chunk === undefined) {
      chunk = { tag, plugin: held.plugin, points: [] };
      chunks.set(id, chunk);
    }
    const wallTime = key.wallTime ?? Number(event['timestamp']) / 1000;
    chunk.points.push({ step, wallTime, value: held.value, offset: key.offset, index: key.index });
  }
  yield* chunks.values();
}

function plotValue(event: Fields): { readonly plugin: string; readonly value: string } | undefined {
  const text = plotText(event);
  return text === undefined ? undefined : valueInPlot(text);
}

interface SegmentPlace {
  readonly url: string;
  /** The address of the task's folder. */
  readonly base: string;
  readonly source: string;
  readonly offset: number;
}

async function* segmentChunks(source: EventSource, isWanted: Wanted, signal: AbortSignal): AsyncGenerator<ReadBackChunk, void, void> {
  const waiting = new Map<string, { tag: string; plugin: string; points: ReadBackPoint[] }>();
  let count = 0;
  let bytes = 0;
  for await (const { point, base } of storedPoints(source, isWanted, signal)) {
    if (!(await isWhole(source, point, base, signal))) continue;
    const { tag, plugin, step, wallTime, value, file, offset, index } = point;
    const id = `${plugin}\n${tag}`;
    let chunk = waiting.get(id);
    if (chunk === undefined) {
      chunk = { tag, plugin, points: [] };
      waiting.set(id, chunk);
    }
    chunk.points.push({ step, wallTime, value, file, offset, index });
    count++;
    bytes += typeof value === 'string' ? value.length : 0;
    if (count < CHUNK_POINTS && bytes < CHUNK_BYTES) continue;
    yield* waiting.values();
    waiting.clear();
    count = 0;
    bytes = 0;
  }
  yield* waiting.values();
}

/** Each point once. Segments of a file come in the order of their first offsets: a point that stands in two does so in one that begins before it. */
async function* storedPoints(
  source: EventSource,
  isWanted: Wanted,
  signal: AbortSignal,
): AsyncGenerator<{ readonly point: StoredPoint; readonly base: string }, void, void> {
  const segments = await segmentsIn(source, signal);
  let seen = new Map<string, number>();
  for (const [i, { url, base, source: file }] of segments.entries()) {
    const next = segments[i + 1];
    const border = next !== undefined && next.source === file ? next.offset : Infinity;
    const text = (await source.file(url, signal)).toString('utf8');
    let from = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      const point = readLine(text.slice(from, end));
      from = end + 1;
      if (point === undefined || !isWanted(point.tag) || seen.has(point.key)) continue;
      if (point.offset >= border) seen.set(point.key, point.offset);
      yield { point, base };
    }
    seen = new Map([...seen].filter(([, offset]) => border !== Infinity && offset >= border));
  }
}

async function segmentsIn(source: EventSource, signal: AbortSignal): Promise<readonly SegmentPlace[]> {
  const found = new Map<string, SegmentPlace>();
  for await (const events of source.pages('training_debug_image', signal)) {
    for (const { metric, variant, key, url } of events) {
      if (metric !== OWN_METRIC || variant !== SEGMENT_VARIANT || typeof key !== 'string' || typeof url !== 'string') continue;
      const name = readSegmentName(key);
      const path = name === undefined ? '' : encodedPath(name.path);
      if (name === undefined || !url.endsWith(path)) continue;
      found.set(name.path, { url, base: url.slice(0, -path.length), source: name.source, offset: name.offset });
    }
  }
  return [...found.values()].sort(
    (a, b) => (a.source < b.source ? -1 : a.source > b.source ? 1 : a.offset - b.offset) || (a.url < b.url ? -1 : 1),
  );
}

/** Whether the files that a point needs are there, with all their bytes. */
async function isWhole(source: EventSource, { files }: StoredPoint, base: string, signal: AbortSignal): Promise<boolean> {
  for (const [path, bytes] of files) {
    if ((await source.lengthOf(base + encodedPath(path), signal)) !== bytes) return false;
  }
  return true;
}
