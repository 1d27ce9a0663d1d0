/**
 * Files of lines with exact points, for everything that metrics cannot hold. The name of a file comes from its
 * content, so the same points sent again become the same file. Points that were cut into other files meanwhile are in
 * both, and count once by their position.
 */
import {
  cutLines,
  type ExactFile,
  type ExactFileSource,
  type ExactLine,
  exactFileFrom,
  fileHash,
  markText,
  type NeededFile,
  type PointIdentity,
  pointText,
  readPoint,
  type StoredPoint,
} from '../../backend-kit/exact-points/index.ts';
import type { Json, Mark, RunRef } from '../../model/index.ts';
import { BYTES_PER_REQUEST } from './limits.ts';

/** Writes a point as a line of a file of exact points. */
export function pointLine(
  position: PointIdentity,
  tag: string,
  plugin: string,
  step: number | bigint,
  wallTime: number,
  valueText: string,
  files: readonly NeededFile[],
): ExactLine {
  const text = pointText(
    positionFields(position),
    { tag, plugin, step, wallTime },
    files.length === 0 ? {} : { artifacts: files },
    valueText,
  );
  return { offset: position.offset, index: position.index, text, isMark: false };
}

/** Writes an event without a value as a line. */
export function markLine(position: PointIdentity, mark: Mark): ExactLine {
  return { offset: position.offset, index: 0, text: markText(positionFields(position), mark), isMark: true };
}

function positionFields({ run, file, offset, checksum, index }: PointIdentity): Record<string, Json> {
  return { run: run.path, file, offset, checksum, index };
}

/** Makes files of exact points from the lines of one event file. The lines must be in the order of the event file. */
export function exactFilesOf(run: RunRef, file: string, lines: readonly ExactLine[]): ExactFile[] {
  return cutLines(lines, BYTES_PER_REQUEST).map((piece) => exactFileOf(run, file, piece));
}

/** Makes one file of exact points from lines of one event file. */
export function exactFileOf(run: RunRef, file: string, lines: readonly ExactLine[]): ExactFile {
  return exactFileFrom(lines, (offset, content) => `${EXACT_FOLDER}/points-${fileHash(run, file, 12)}-${offset}-${content}.jsonl`);
}

/** Folder of the files of exact points in a run's artifacts. */
export const EXACT_FOLDER = 'mirrorboard';

/**
 * Reads the event file and the first offset from the name of a file of exact points. Returns undefined for other
 * files.
 */
export function parseExactName(path: string): ExactFileSource | undefined {
  const found = /(?:^|\/)points-([0-9a-f]{12})-(\d+)-[0-9a-f]{16}\.jsonl$/.exec(path);
  return found === null ? undefined : { source: found[1] as string, offset: Number(found[2]) };
}

/** Reads the point of a line. Returns undefined for marks and for lines that are no points. */
export function parseLine(line: string): StoredPoint | undefined {
  return readPoint(line, { position: ['run', 'file', 'offset', 'checksum', 'index'], files: 'artifacts' });
}
