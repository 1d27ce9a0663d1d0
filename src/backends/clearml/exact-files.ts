/**
 * Segments: files of lines that hold points exactly as they were, for all that events can't hold. A segment is named
 * by its content, so that the same points sent again fall on the same file; points that were cut into other segments
 * meanwhile stand in both, and are one by their place. An event names each, so that it is found.
 */
import {
  cutLines,
  type SegmentLine as Line,
  markText,
  type NeededFile,
  type PointPlace,
  pointText,
  readPoint,
  type Segment,
  type StoredPoint,
  segmentFrom,
} from '../../backend-kit/exact-points/index.ts';
import type { Json, Mark } from '../../model/index.ts';
import { fileHash } from './keys.ts';

/** The metric and variant of the events that name segments, and files that nothing else names. */
export const OWN_METRIC = ':mirrorboard:';
/** The variant of events that name files of exact points. */
export const SEGMENT_VARIANT = 'points';
/** The variant of events that name files of single points. */
export const FILE_VARIANT = 'files';
/** Where files of exact points lie below a task's folder. */
export const SEGMENT_FOLDER = 'metrics/mirrorboard/points';

const BYTES_PER_SEGMENT = 2 * 1024 * 1024;

/** A line of a file of exact points, with step and wall time for its event. */
export interface SegmentLine extends Line {
  readonly step: number | bigint;
  readonly wallTime: number;
}

/**
 * `file` is the one that the tracker run sees; `place.file` stands in the run the point comes from. `files`: paths
 * below the task's folder.
 */
export function pointLine(
  place: PointPlace,
  file: string,
  tag: string,
  plugin: string,
  step: number | bigint,
  wallTime: number,
  valueText: string,
  files: readonly NeededFile[],
): SegmentLine {
  const text = pointText(placeFields(place, file), { tag, plugin, step, wallTime }, files.length === 0 ? {} : { files }, valueText);
  return { offset: place.offset, index: place.index, step, wallTime, text, isMark: false };
}

/** An event without a value as a line. */
export function markLine(place: PointPlace, file: string, mark: Mark): SegmentLine {
  const { step, wallTime } = mark;
  return { offset: place.offset, index: 0, step, wallTime, text: markText(placeFields(place, file), mark), isMark: true };
}

function placeFields({ run, file, offset, checksum, index }: PointPlace, shownFile: string): Record<string, Json> {
  return { source: fileHash(run, file), file: shownFile, offset, checksum, index };
}

/** Lines of one file as segments. Lines must be in the order of the file. */
export function segmentsOf(source: string, lines: readonly SegmentLine[]): Segment<SegmentLine>[] {
  return cutLines(lines, BYTES_PER_SEGMENT).map((piece) => segmentOf(source, piece));
}

/** Lines of one file as one segment; its path is below the task's folder. */
export function segmentOf(source: string, lines: readonly SegmentLine[]): Segment<SegmentLine> {
  return segmentFrom(lines, (offset, content) => `${SEGMENT_FOLDER}/points_${source}_${offset}_${content}.jsonl`);
}

/**
 * File and first offset that a segment's name tells, and its path below the task's folder; undefined for other files.
 */
export function readSegmentName(path: string): { readonly source: string; readonly offset: number; readonly path: string } | undefined {
  const found = /(?:^|\/)(metrics\/mirrorboard\/points\/points_([0-9a-f]{8})_(\d+)_[0-9a-f]{16}\.jsonl)$/.exec(path);
  return found === null ? undefined : { path: found[1] as string, source: found[2] as string, offset: Number(found[3]) };
}

/** The point of a line; undefined for marks and for lines that are no points. */
export function readLine(line: string): StoredPoint | undefined {
  return readPoint(line, { place: ['source', 'offset', 'checksum', 'index'], files: 'files' });
}
