import type { ReadBackChunk, ReadBackPoint } from '../../contract/index.ts';
import type { HeadFields } from './lines.ts';

/** Points in one chunk, and the length of their values together. */
const CHUNK_POINTS = 10_000;
const CHUNK_BYTES = 8 * 1024 * 1024;

/** The event file of an exact-point file and the offset of its first point, both from its name. */
export interface ExactFileSource {
  readonly source: string;
  readonly offset: number;
}

/**
 * Yields the points of all exact-point files. A point that is in several files comes only once. The files of one
 * event file must come in the order of their first offsets. A repeated point is then always in a later file that
 * begins at or before it, so only the points at or after the beginning of the next file stay in memory.
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

/** Groups points by series, in chunks of bounded length. */
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
