/**
 * Files of lines with exact points, for everything that events cannot hold. The name of a file comes from its
 * content, so the same points sent again become the same file. Points that were cut into other files meanwhile are in
 * both, and count once by their position. An event names each file, so that mirrorboard finds it.
 */
import {
  cutLines,
  type ExactFile,
  exactFileFrom,
  type ExactLine as Line,
  markText,
  type NeededFile,
  type PointIdentity,
  pointText,
  readPoint,
  type StoredPoint,
} from '../../backend-kit/exact-points/index.ts';
import type { Json, Mark } from '../../model/index.ts';
import { fileHash } from './keys.ts';

/** The metric of the events that name exact-point files, and files that nothing else names. */
export const OWN_METRIC = ':mirrorboard:';
/** The variant of events that name files of exact points. */
export const EXACT_VARIANT = 'points';
/** The variant of events that name files of single points. */
export const FILE_VARIANT = 'files';
/** Folder of the files of exact points, below a task's folder. */
export const EXACT_FOLDER = 'metrics/mirrorboard/points';

const BYTES_PER_FILE = 2 * 1024 * 1024;

/** A line of a file of exact points, with step and wall time for its event. */
export interface TaskLine extends Line {
  readonly step: number | bigint;
  readonly wallTime: number;
}

/**
 * Writes a point as a line. `file` is the event file that the tracker run sees; `position.file` is the one in the run
 * that the point comes from. `files`: paths below the task's folder.
 */
export function pointLine(
  position: PointIdentity,
  file: string,
  tag: string,
  plugin: string,
  step: number | bigint,
  wallTime: number,
  valueText: string,
  files: readonly NeededFile[],
): TaskLine {
  const text = pointText(positionFields(position, file), { tag, plugin, step, wallTime }, files.length === 0 ? {} : { files }, valueText);
  return { offset: position.offset, index: position.index, step, wallTime, text, isMark: false };
}

/** Writes an event without a value as a line. */
export function markLine(position: PointIdentity, file: string, mark: Mark): TaskLine {
  const { step, wallTime } = mark;
  return { offset: position.offset, index: 0, step, wallTime, text: markText(positionFields(position, file), mark), isMark: true };
}

function positionFields({ run, file, offset, checksum, index }: PointIdentity, shownFile: string): Record<string, Json> {
  return { source: fileHash(run, file), file: shownFile, offset, checksum, index };
}

/** Makes files of exact points from the lines of one event file. The lines must be in the order of the event file. */
export function exactFilesOf(source: string, lines: readonly TaskLine[]): ExactFile<TaskLine>[] {
  return cutLines(lines, BYTES_PER_FILE).map((piece) => exactFileOf(source, piece));
}

/** Makes one file of exact points from lines of one event file. Its path is below the task's folder. */
export function exactFileOf(source: string, lines: readonly TaskLine[]): ExactFile<TaskLine> {
  return exactFileFrom(lines, (offset, content) => `${EXACT_FOLDER}/points_${source}_${offset}_${content}.jsonl`);
}

/**
 * Reads the event file, the first offset and the path below the task's folder from the name of a file of exact
 * points. Returns undefined for other files.
 */
export function readExactName(path: string): { readonly source: string; readonly offset: number; readonly path: string } | undefined {
  const found = /(?:^|\/)(metrics\/mirrorboard\/points\/points_([0-9a-f]{8})_(\d+)_[0-9a-f]{16}\.jsonl)$/.exec(path);
  return found === null ? undefined : { path: found[1] as string, source: found[2] as string, offset: Number(found[3]) };
}

/** Reads the point of a line. Returns undefined for marks and for lines that are no points. */
export function readLine(line: string): StoredPoint | undefined {
  return readPoint(line, { position: ['source', 'offset', 'checksum', 'index'], files: 'files' });
}
