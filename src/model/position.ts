/** The position of a lane in a file, and the knowledge of the file needed to resume from there. */

/**
 * The reason why bytes cannot be read as records. `torn` and `zeros` are pending: normal at the end of a live file.
 * So is `cut`: the file ends before the bytes that were read, because it is being rewritten, or was cut. What was
 * mirrored from it is kept.
 */
export type DamageReason =
  | 'length_checksum'
  | 'data_checksum'
  | 'bad_message'
  | 'false_length'
  /** There is no memory for the record: see `memory`. */
  | 'too_large'
  | 'not_event_file'
  /** The system cannot read the bytes. */
  | 'unreadable'
  | 'torn'
  | 'zeros'
  | 'cut';

/** The progress of searching an incomplete record while its writer may still be active. */
export interface IncompleteLook {
  /** The offset at which the search continues. */
  readonly at: number;
  /** The first valid record inside. */
  readonly first?: number;
  /** The end of the last valid record inside. */
  readonly last?: number;
  /** True if the file ends with that record: perhaps another process wrote the records inside. */
  readonly isWhole: boolean;
  /** The time since which it does, by the clock of the reader; milliseconds since 1970. */
  readonly sinceMs?: number;
}

/** Bytes of a file that cannot be read as records; `end` is exclusive. Damage belongs to the file, not to a lane. */
export interface Damage {
  readonly start: number;
  readonly end: number;
  readonly reason: DamageReason;
  /** A short description of what was found. */
  readonly detail?: string;
  /**
   * The end of the record that the bytes claim to be, if valid records inside it were accepted as what they seem to
   * be.
   */
  readonly claim?: number;
  /** The search of an incomplete end. For an end that was cut: how far it was compared with what was read. */
  readonly look?: IncompleteLook;
  /** The start of the zeros, for an end that is not all zeros. */
  readonly zerosFrom?: number;
  /** For `too_large`: the memory with which it can be read, in bytes. Absent if no memory is enough. */
  readonly needs?: number;
}

/** True if some part of a file was too large before, but is not with this much memory. */
export function fitsNow(state: FileState, memory: number): boolean {
  return state.damage.some(({ reason, needs }) => reason === 'too_large' && needs !== undefined && needs <= memory);
}

/** True if this is the normal end of a file that is still being written, or overwritten. */
export function isPending({ reason }: Pick<Damage, 'reason'>): boolean {
  return reason === 'torn' || reason === 'zeros' || reason === 'cut';
}

/** Bytes before the watermark that are still pending for a lane. */
export interface Gap {
  readonly start: number;
  readonly end: number;
  readonly reason: 'damage' | 'repair' | 'route' | 'reclassified';
  /** The tags that are pending; absent if all are. */
  readonly tags?: readonly string[];
}

/** The position of a lane in a file, in bytes: everything before `watermark` is settled, except the gaps. */
export interface Position {
  readonly watermark: number;
  readonly gaps: readonly Gap[];
}

/** A record that identifies a file: its offset, its length, and its data checksum in the file. */
export interface RecordMark {
  readonly offset: number;
  readonly length: number;
  readonly checksum: number;
}

/** A record of the trail: its offset, and its data checksum in the file. */
export interface TrailMark {
  readonly offset: number;
  readonly checksum: number;
}

/**
 * The records that tell if the bytes under a name are still the same: the first valid record and the last one before
 * the watermark.
 */
export interface Guard {
  readonly first: RecordMark | undefined;
  readonly last: RecordMark | undefined;
  /** Some records between them, in file order: they distinguish a beginning of the file from another file. */
  readonly trail?: readonly TrailMark[];
}

/** Returns a guard as JSON: the two records, and the trail as one list of numbers. */
export function guardJson({ first, last, trail = [] }: Guard): string {
  const marks = trail.flatMap(({ offset, checksum }) => [offset, checksum]);
  return JSON.stringify(marks.length === 0 ? [first ?? null, last ?? null] : [first ?? null, last ?? null, marks]);
}

/** Restores a guard from the parsed text of `guardJson`. */
export function guardOf([first, last, marks = []]: GuardJson): Guard {
  const trail: TrailMark[] = [];
  for (let i = 0; i + 1 < marks.length; i += 2) trail.push({ offset: marks[i] as number, checksum: marks[i + 1] as number });
  return { first: first ?? undefined, last: last ?? undefined, ...(trail.length === 0 ? {} : { trail }) };
}

/** A guard in its stored form. */
export type GuardJson = readonly [first: RecordMark | null, last: RecordMark | null, trail?: readonly number[]];

/**
 * The facts of a file as of a position. They are stored with it, in one transaction if the backend owns its
 * positions.
 */
export interface FileState {
  readonly name: string;
  /** Counts from 0; other bytes under the same name begin the next generation. */
  readonly generation: number;
  readonly position: Position;
  readonly guard: Guard;
  /** The bytes that cannot be read, including the pending end, in file order. */
  readonly damage: readonly Damage[];
  /** The size of the file when it was last read to its end, in bytes. */
  readonly size: number;
  /**
   * The file system's times (nanoseconds as text) and inode, which save reading files that did not change.
   * Information only.
   */
  readonly stamp: string;
  /** Valid records before the watermark. */
  readonly records: number;
  /** From the file's head: `brain.Event:2`, and the writer's name if given. */
  readonly fileVersion?: string;
  readonly writer?: string;
  /** The wall time of its first event, in seconds since 1970; unknown for files that earlier versions read. */
  readonly firstWallTime?: number;
}

/**
 * True if a file must be checked again though nothing happened to it. That is the case if an incomplete end, or a
 * beginning of what was read, was found while its writer may still have been active. It is also the case for bytes
 * that the system could not read, which may become readable without a trace.
 */
export function needsSearch(state: FileState): boolean {
  return state.damage.some(
    ({ reason, detail, look }) =>
      reason === 'unreadable' || (reason === 'torn' && detail === undefined) || (reason === 'cut' && look?.isWhole !== true),
  );
}

/** True if a file has been read completely, judging by size and stamp. `isSettled`: it is not read again later. */
export function isAtEnd(state: FileState, size: number, stamp: string, isSettled: boolean): boolean {
  return isSame(state, size, stamp) && state.position.gaps.length === 0 && !(isSettled && needsSearch(state));
}

/**
 * Returns the bytes still to read. Only checking its guard shows if a changed file is read from its watermark or from
 * the start: the smaller number is returned.
 */
export function bytesAhead(state: FileState | undefined, size: number, stamp: string): number {
  if (state === undefined) return size;
  if (isSame(state, size, stamp) && !needsSearch(state)) return 0;
  return size < state.position.watermark ? size : size - state.position.watermark;
}

function isSame(state: FileState, size: number, stamp: string): boolean {
  return state.stamp === stamp && state.size === size;
}

/** True if bytes of a file could not be read, are pending, or must be checked again soon. */
export function isTroubled({ position, damage }: FileState): boolean {
  return position.gaps.length > 0 || damage.some((item) => !isPending(item) || isUndecided(item));
}

/** True if valid records may be inside an incomplete one, or after a cut, so that a second check is needed. */
export function isUndecided({ look }: Damage): boolean {
  return look?.sinceMs !== undefined;
}

/** Counts the bytes before `upTo` that are in at least one gap. Gaps may overlap if each is for other tags. */
export function gapBytes(gaps: readonly Gap[], upTo: number): number {
  let bytes = 0;
  let at = 0;
  for (const { start, end } of gaps.toSorted((a, b) => a.start - b.start)) {
    const from = Math.max(start, at);
    const to = Math.min(end, upTo);
    if (to > from) bytes += to - from;
    at = Math.max(at, to);
  }
  return bytes;
}

/**
 * Counts the bytes before the watermark that can be read and must be sent. Damaged bytes do not count: they wait for
 * their file.
 */
export function pendingGapBytes({ position: { gaps, watermark } }: Pick<FileState, 'position'>): number {
  return gapBytes(
    gaps.filter(({ reason }) => reason !== 'damage'),
    watermark,
  );
}

/**
 * Counts the bytes of a file that were not mirrored: those after the watermark, including incomplete and damaged
 * ends, and gaps. `unread`: the bytes beyond what was checked.
 */
export function unmirroredBytes(state: FileState | undefined, unread: number | undefined): number {
  const watermark = state?.position.watermark ?? 0;
  const end = state?.damage.reduce((last, damage) => Math.max(last, damage.end), watermark) ?? 0;
  const pending = gapBytes(state?.position.gaps ?? [], watermark);
  return end - watermark + pending + (unread ?? Math.max(0, (state?.size ?? 0) - end));
}
