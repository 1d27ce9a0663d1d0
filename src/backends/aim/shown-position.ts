/** The position of a point: its identity, which also decides which of several points of one step Aim shows. */
import { positionHash } from '../../backend-kit/exact-points/index.ts';
import { compareNames, type RunRef } from '../../model/index.ts';

/**
 * The position of a point. Of two points of one step, Aim shows the greater one: by the file's name, then by the
 * position in the file.
 */
export interface ShownPosition {
  /** The file as the tracker run sees it. */
  readonly file: string;
  readonly offset: number;
  readonly index: number;
}

/** Compares positions by file, offset and index. */
export function comparePositions(a: ShownPosition, b: ShownPosition): number {
  return compareNames(a.file, b.file) || a.offset - b.offset || a.index - b.index;
}

/** Returns the text of a position for storage. */
export function positionText({ file, offset, index }: ShownPosition): string {
  return `${offset}:${index}:${file}`;
}

/** Reads a stored position; undefined if the text is not valid. */
export function readPosition(text: string): ShownPosition | undefined {
  const found = /^(\d+):(\d+):([\s\S]*)$/.exec(text);
  return found === null ? undefined : { offset: Number(found[1]), index: Number(found[2]), file: found[3] as string };
}

/** Returns a short name of a point, the same whenever the point is sent. */
export function pointId(run: RunRef, file: string, offset: number, checksum: number, index: number): string {
  return positionHash({ run, file, offset, checksum, index }, 20);
}

/**
 * A range of bytes of a file whose points gave a series strictly rising steps. Such points need no stored position in
 * Aim, so nearly all points cost no more than Aim's own columns. Ranges of one series share no step.
 */
export interface StepRange {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly firstStep: number;
  readonly lastStep: number;
}

/** Returns the key under which a range of steps is stored. */
export function rangeKey({ file, start }: Pick<StepRange, 'file' | 'start'>): string {
  return `${start}:${file}`;
}

/** Returns the value under which a range of steps is stored. */
export function rangeText({ end, firstStep, lastStep }: StepRange): string {
  return `${end}:${firstStep}:${lastStep}`;
}

/** Reads a stored range of steps; undefined if it is not valid. */
export function readRange(key: string, text: string): StepRange | undefined {
  const [name, extent] = [/^(\d+):([\s\S]*)$/.exec(key), text.split(':').map(Number)];
  if (name === null || extent.length !== 3 || extent.some(Number.isNaN)) return undefined;
  const [end, firstStep, lastStep] = extent as [number, number, number];
  return { file: name[2] as string, start: Number(name[1]), end, firstStep, lastStep };
}

/**
 * True if a point comes before the point that Aim has at its step, whose range is known. Inside the range, it is a
 * later repetition.
 */
export function isBeforeRange(position: ShownPosition, { file, start }: StepRange): boolean {
  const order = compareNames(position.file, file);
  return order < 0 || (order === 0 && position.offset < start);
}
