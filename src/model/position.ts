/** Where a lane is in a file, and what must be known of the file to continue from there. */

/**
 * Why bytes cannot be read as records. `torn` and `zeros` are pending: normal at the end of a live file. So is `cut`:
 * the file ends before what was read of it does, since it is being written again, or was cut; what was mirrored of it
 * is kept.
 */
export type DamageReason =
  | 'length_checksum'
  | 'data_checksum'
  | 'bad_message'
  | 'false_length'
  /** There is no room for the record: see `memory`. */
  | 'too_large'
  | 'not_event_file'
  /** The system does not give us the bytes. */
  | 'unreadable'
  | 'torn'
  | 'zeros'
  | 'cut';

/** How far a record that is not whole was searched while its writer may still be at work. */
export interface IncompleteLook {
  /** Where the search continues. */
  readonly at: number;
  /** The first valid record inside. */
  readonly first?: number;
  /** Where the last one ends. */
  readonly last?: number;
  /** The file ends with it: perhaps another process wrote them. */
  readonly isWhole: boolean;
  /** Since when it does, by the clock of who looks; milliseconds since 1970. */
  readonly sinceMs?: number;
}

/** Bytes of a file that cannot be read as records; `end` is exclusive. It belongs to the file, not to a lane. */
export interface Damage {
  readonly start: number;
  readonly end: number;
  readonly reason: DamageReason;
  /** What was found, in a few words. */
  readonly detail?: string;
  /**
   * Where the record ends that the bytes claim to be, when valid records inside of it were treated as what they seem
   * to be.
   */
  readonly claim?: number;
  /** Of an incomplete end; of one that was cut, how far it was compared with what was read of it. */
  readonly look?: IncompleteLook;
  /** Of an end that is not all zeros: since where it is. */
  readonly zerosFrom?: number;
  /** For `too_large`: the memory with which it can be read, in bytes. Absent if no memory is enough. */
  readonly needs?: number;
}

/** Whether some of a file was too large once, and is not with so much memory. */
export function fitsNow(state: FileState, memory: number): boolean {
  return state.damage.some(({ reason, needs }) => reason === 'too_large' && needs !== undefined && needs <= memory);
}

/** Whether this is the normal end of a file that is still being written, or written over. */
export function isPending({ reason }: Pick<Damage, 'reason'>): boolean {
  return reason === 'torn' || reason === 'zeros' || reason === 'cut';
}

/** Bytes before the watermark that are still pending for a lane. */
export interface Gap {
  readonly start: number;
  readonly end: number;
  readonly reason: 'damage' | 'repair' | 'route' | 'reclassified';
  /** Only these tags are pending; all of them when absent. */
  readonly tags?: readonly string[];
}

/** Of a lane in a file: everything before `watermark` is settled, but for the gaps. Bytes. */
export interface Position {
  readonly watermark: number;
  readonly gaps: readonly Gap[];
}

/** A record by which a file is recognised: its place, its length and the data checksum as it is in the file. */
export interface RecordMark {
  readonly offset: number;
  readonly length: number;
  readonly checksum: number;
}

/** A record on the way: its place, and the data checksum as it is in the file. */
export interface TrailMark {
  readonly offset: number;
  readonly checksum: number;
}

/**
 * Tells whether these are still the same bytes under a name: the first valid record and the last one before the
 * watermark.
 */
export interface Guard {
  readonly first: RecordMark | undefined;
  readonly last: RecordMark | undefined;
  /** Some records between them, in the order of the file: they tell a beginning of the file from another one. */
  readonly trail?: readonly TrailMark[];
}

/** A guard as JSON: the two records, and the trail as one list of numbers. */
export function guardJson({ first, last, trail = [] }: Guard): string {
  const marks = trail.flatMap(({ offset, checksum }) => [offset, checksum]);
  return JSON.stringify(marks.length === 0 ? [first ?? null, last ?? null] : [first ?? null, last ?? null, marks]);
}

/** Undoes `guardJson`, once the text is parsed. */
export function guardOf([first, last, marks = []]: GuardJson): Guard {
  const trail: TrailMark[] = [];
  for (let i = 0; i + 1 < marks.length; i += 2) trail.push({ offset: marks[i] as number, checksum: marks[i + 1] as number });
  return { first: first ?? undefined, last: last ?? undefined, ...(trail.length === 0 ? {} : { trail }) };
}

/** A guard as it is stored. */
export type GuardJson = readonly [first: RecordMark | null, last: RecordMark | null, trail?: readonly number[]];

/** The facts of a file as of a position: stored with it, in one transaction if the backend owns its positions. */
export interface FileState {
  readonly name: string;
  /** Counts from 0; other bytes under the same name begin the next one. */
  readonly generation: number;
  readonly position: Position;
  readonly guard: Guard;
  /** What cannot be read, the pending end included, in the order of the file. */
  readonly damage: readonly Damage[];
  /** Bytes the file had when it was last read to its end. */
  readonly size: number;
  /**
   * Of the file system, nanoseconds as text and inode: spare a look into files that did not change. Information only.
   */
  readonly stamp: string;
  /** Valid records before the watermark. */
  readonly records: number;
  /** From the file's head: `brain.Event:2`, and the writer's name if it says one. */
  readonly fileVersion?: string;
  readonly writer?: string;
}

/**
 * True if a file is to be checked again though nothing happened to it: an incomplete end, or a beginning of what was
 * read, that was found while its writer may still have been at work, and bytes the system did not give us, which come
 * back without a trace.
 */
export function needsSearch(state: FileState): boolean {
  return state.damage.some(
    ({ reason, detail, look }) =>
      reason === 'unreadable' || (reason === 'torn' && detail === undefined) || (reason === 'cut' && look?.isWhole !== true),
  );
}

/**
 * Whether a file has been read completely, as far as size and stamp can tell. `isSettled`: it is not read again later.
 */
export function isAtEnd(state: FileState, size: number, stamp: string, isSettled: boolean): boolean {
  return isSame(state, size, stamp) && state.position.gaps.length === 0 && !(isSettled && needsSearch(state));
}

/**
 * Whether a changed file is read from its watermark or again is only known once its guard is checked: the less is
 * reported.
 */
export function bytesAhead(state: FileState | undefined, size: number, stamp: string): number {
  if (state === undefined) return size;
  if (isSame(state, size, stamp) && !needsSearch(state)) return 0;
  return size < state.position.watermark ? size : size - state.position.watermark;
}

function isSame(state: FileState, size: number, stamp: string): boolean {
  return state.stamp === stamp && state.size === size;
}

/** Whether bytes of a file could not be read, are pending, or must be checked again soon. */
export function isTroubled({ position, damage }: FileState): boolean {
  return position.gaps.length > 0 || damage.some((item) => !isPending(item) || isUndecided(item));
}

/** Whether valid records may be inside an incomplete one, or after a cut, so that a second look is needed. */
export function isUndecided({ look }: Damage): boolean {
  return look?.sinceMs !== undefined;
}

/** Bytes that are in any of some gaps, up to a place. Gaps may overlap if each is for other tags. */
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
 * Bytes before the watermark that can be read, and are to be brought: not those of damage, which wait for their file.
 */
export function pendingGapBytes({ position: { gaps, watermark } }: Pick<FileState, 'position'>): number {
  return gapBytes(
    gaps.filter(({ reason }) => reason !== 'damage'),
    watermark,
  );
}

/**
 * Bytes of a file that were not mirrored: after the watermark, including incomplete and damaged ends, and gaps.
 * `unread`: those beyond what was checked.
 */
export function unmirroredBytes(state: FileState | undefined, unread: number | undefined): number {
  const watermark = state?.position.watermark ?? 0;
  const end = state?.damage.reduce((last, damage) => Math.max(last, damage.end), watermark) ?? 0;
  const pending = gapBytes(state?.position.gaps ?? [], watermark);
  return end - watermark + pending + (unread ?? Math.max(0, (state?.size ?? 0) - end));
}
