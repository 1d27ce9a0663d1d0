import { createHash } from 'node:crypto';
import { type Json, jsonText, type Mark, type RunRef } from '../../model/index.ts';
import { contentHash, type ExactLine, linesOf } from './lines.ts';
import type { ExactFileSource } from './reading.ts';

/** The position of a point in the event files, which is its identity. */
export interface PointIdentity {
  readonly run: RunRef;
  readonly file: string;
  readonly offset: number;
  readonly checksum: number;
  readonly index: number;
}

/** Returns the first `digits` hex digits of a hash over `parts`. The hash is the same after every restart. */
export function nameHash(parts: readonly (string | number)[], digits: number): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, digits);
}

/** Returns a short name of a file of a run. */
export function fileHash({ root, path }: RunRef, file: string, digits: number): string {
  return nameHash([root, path, file], digits);
}

/** Returns a short name of a point. */
export function positionHash({ run, file, offset, checksum, index }: PointIdentity, digits: number): string {
  return nameHash([run.root, run.path, file, offset, checksum, index], digits);
}

/** Returns the line of an event without a value. Such an event is not a point, but mirrorboard keeps it. */
export function markText(position: Readonly<Record<string, Json>>, { kind, step, wallTime, payload }: Mark): string {
  return jsonText({ ...position, mark: kind, step, wall_time: wallTime, base64: Buffer.from(payload).toString('base64') });
}

/** A file of exact points. */
export interface ExactFile<Line extends ExactLine = ExactLine> {
  readonly path: string;
  readonly data: Uint8Array;
  readonly lines: readonly Line[];
}

/** Makes a file of exact points. Its name comes from its content, so that a repeated send writes the same file. */
export function exactFileFrom<Line extends ExactLine>(
  lines: readonly Line[],
  pathOf: (offset: number, content: string) => string,
): ExactFile<Line> {
  const data = linesOf(lines);
  return { path: pathOf(lines[0]?.offset ?? 0, contentHash(data)), data, lines };
}

/** Sorts exact-point files by event file, then by first point. `nameOf` orders files that begin at the same point. */
export function inOrder<Source extends ExactFileSource>(files: Iterable<Source>, nameOf: (file: Source) => string): readonly Source[] {
  const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  return [...files].sort((a, b) => compare(a.source, b.source) || a.offset - b.offset || compare(nameOf(a), nameOf(b)));
}
