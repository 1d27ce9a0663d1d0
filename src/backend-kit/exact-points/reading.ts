import type { ReadBackChunk, ReadBackPoint } from '../../contract/index.ts';
import type { HeadFields } from './lines.ts';

/** Points handed over at a time, and how long their values may be together. */
const CHUNK_POINTS = 10_000;
const CHUNK_BYTES = 8 * 1024 * 1024;

/** From the name of an exact-point file: its event file, and the offset of its first point. */
export interface ExactFileSource {
  readonly source: string;
  readonly offset: number;
}

/**
 * The points of all exact-point files, each once, though it may be in several. Those of an event file have to come in
 * the order of their first offsets: a point that comes again does so in one that begins before it, so what is behind
 * the next one's beginning is all that is kept in mind.
 */
export async function* onceEach<Source extends ExactFileSource, Point extends { readonly key: string; readonly offset: number }>(
  files: readonly Source[],
  read: (file: Source) => Promise<string>,
  parse: (line: string) => Point | undefined,
): AsyncGenerator<{ readonly point: Point; readonly file: Source }, void, void> {
  let seen = new Map<string, number>();
  for (const [i, file] of files.entries()) {
    const next = files[i + 1];
    const border = next !== undefined && next.source === file.source ? next.offset : Number.POSITIVE_INFINITY;
    const text = await read(file);
    let from = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      const point = parse(text.slice(from, end));
      from = end + 1;
      if (point === undefined || seen.has(point.key)) continue;
      if (point.offset >= border) seen.set(point.key, point.offset);
      yield { point, file };
    }
    seen = new Map([...seen].filter(([, offset]) => border !== Number.POSITIVE_INFINITY && offset >= border));
  }
}

/** Points gathered by their series, in chunks of bounded length. */
export async function* chunksOf(points: AsyncIterable<HeadFields & ReadBackPoint>): AsyncGenerator<ReadBackChunk, void, void> {
  const waiting = new Map<string, { tag: string; plugin: string; points: ReadBackPoint[] }>();
  let count = 0;
  let bytes = 0;
  for await (const { tag, plugin, ...point } of points) {
    const key = `${plugin}\n${tag}`;
    let chunk = waiting.get(key);
    if (chunk === undefined) {
      chunk = { tag, plugin, points: [] };
      waiting.set(key, chunk);
    }
    chunk.points.push(point);
    count++;
    bytes += typeof point.value === 'string' ? point.value.length : 0;
    if (count < CHUNK_POINTS && bytes < CHUNK_BYTES) continue;
    yield* waiting.values();
    waiting.clear();
    count = 0;
    bytes = 0;
  }
  yield* waiting.values();
}
