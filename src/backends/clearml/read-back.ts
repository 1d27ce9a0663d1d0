/**
 * Reads everything of ours that a task holds: scalars and plots by their keys, everything else from exact-point
 * files. It ignores what others wrote.
 */
import {
  chunksOf,
  type ExactFileSource,
  type HeadFields,
  inOrder,
  onceEach,
  type StoredPoint,
} from '../../backend-kit/exact-points/index.ts';
import type { ReadBackChunk, ReadBackOptions, ReadBackPoint } from '../../contract/index.ts';
import type { Fields } from './answers.ts';
import { type EventSource, plotText, stepOf } from './events.ts';
import { EXACT_VARIANT, OWN_METRIC, readExactName, readLine } from './exact-files.ts';
import { readKey, tagOf } from './keys.ts';
import { valueInPlot } from './map.ts';
import { encodedPath } from './paths.ts';

type Wanted = (tag: string) => boolean;

/** Reads all points of a task, in chunks of one series. */
export async function* readBack(source: EventSource, options: ReadBackOptions): AsyncGenerator<ReadBackChunk, void, void> {
  const signal = options.signal ?? new AbortController().signal;
  const isWanted = options.isWanted ?? (() => true);
  for (const type of ['training_stats_scalar', 'plot']) {
    for await (const events of source.pages(type, signal, options.tags)) yield* eventChunks(events, isWanted);
  }
  yield* chunksOf(exactPoints(source, isWanted, signal));
}

function* eventChunks(events: readonly Fields[], isWanted: Wanted): Generator<ReadBackChunk, void, void> {
  const chunks = new Map<string, { tag: string; plugin: string; points: ReadBackPoint[] }>();
  for (const event of events) {
    const key = readKey(event['key']);
    const step = stepOf(event);
    if (key === undefined || step === undefined) continue;
    const tag = tagOf(textOf(event['metric']), textOf(event['variant']));
    if (!isWanted(tag)) continue;
    const held = event['type'] === 'plot' ? plotValue(event) : { plugin: 'scalars', value: key.value ?? numberOf(event['value']) };
    if (held === undefined) continue;
    const id = `${held.plugin}\n${tag}`;
    let chunk = chunks.get(id);
    if (chunk === undefined) {
      chunk = { tag, plugin: held.plugin, points: [] };
      chunks.set(id, chunk);
    }
    const wallTime = key.wallTime ?? numberOf(event['timestamp']) / 1000;
    chunk.points.push({ step, wallTime, value: held.value, offset: key.offset, index: key.index });
  }
  yield* chunks.values();
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Reads a number, which servers may return as a text. */
function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : typeof value === 'string' ? Number(value) : Number.NaN;
}

function plotValue(event: Fields): { readonly plugin: string; readonly value: string } | undefined {
  const text = plotText(event);
  return text === undefined ? undefined : valueInPlot(text);
}

interface StoredExactFile extends ExactFileSource {
  readonly url: string;
  /** The address of the task's folder. */
  readonly base: string;
}

/** Reads the points of exact-point files: all except scalars and plots. */
export async function* exactPoints(
  source: EventSource,
  isWanted: (tag: string, plugin: string) => boolean,
  signal: AbortSignal,
): AsyncGenerator<HeadFields & ReadBackPoint> {
  const files = await exactFilesIn(source, signal);
  const read = async ({ url }: StoredExactFile): Promise<string> => (await source.file(url, signal)).toString('utf8');
  for await (const { point, file } of onceEach(files, read, readLine)) {
    if (!isWanted(point.tag, point.plugin) || !(await isWhole(source, point, file.base, signal))) continue;
    const { key: _, files: __, ...rest } = point;
    yield rest;
  }
}

async function exactFilesIn(source: EventSource, signal: AbortSignal): Promise<readonly StoredExactFile[]> {
  const found = new Map<string, StoredExactFile>();
  for await (const events of source.pages('training_debug_image', signal)) {
    for (const { metric, variant, key, url } of events) {
      if (metric !== OWN_METRIC || variant !== EXACT_VARIANT || typeof key !== 'string' || typeof url !== 'string') continue;
      const name = readExactName(key);
      const path = name === undefined ? '' : encodedPath(name.path);
      if (name === undefined || !url.endsWith(path)) continue;
      found.set(name.path, { url, base: url.slice(0, -path.length), source: name.source, offset: name.offset });
    }
  }
  return inOrder(found.values(), ({ url }) => url);
}

/** True if the files that a point needs exist with all their bytes. */
async function isWhole(source: EventSource, { files }: StoredPoint, base: string, signal: AbortSignal): Promise<boolean> {
  for (const [path, bytes] of files) {
    if ((await source.lengthOf(base + encodedPath(path), signal)) !== bytes) return false;
  }
  return true;
}
