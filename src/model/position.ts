/** Where a lane stands in a file, and what has to be known of the file to go on from there. */

/** Why bytes cannot be read as records. `torn` and `zeros` are pending: normal at the end of a live file. */
export type DamageReason = 'length_checksum' | 'data_checksum' | 'bad_message' | 'false_length' | 'not_event_file' | 'torn' | 'zeros';

/** Bytes of a file that can't be read as records; `end` is exclusive. It belongs to the file, not to a lane. */
export interface Damage {
  readonly start: number;
  readonly end: number;
  readonly reason: DamageReason;
  /** What was found, in a few words. */
  readonly detail?: string;
}

/** Whether this is the normal end of a file that somebody still writes to. */
export function isPending(damage: Damage): boolean {
  return damage.reason === 'torn' || damage.reason === 'zeros';
}

/** Bytes before the watermark that are still owed to a lane. */
export interface Gap {
  readonly start: number;
  readonly end: number;
  readonly reason: 'damage' | 'repair' | 'route' | 'reclassified';
  /** Only these tags are owed; all of them when absent. */
  readonly tags?: readonly string[];
}

/** Of a lane in a file: everything before `watermark` is settled, but for the gaps. Bytes. */
export interface Position {
  readonly watermark: number;
  readonly gaps: readonly Gap[];
}

/** A record by which a file is recognised: its place, its length and the data checksum as it stands in the file. */
export interface RecordMark {
  readonly offset: number;
  readonly length: number;
  readonly checksum: number;
}

/** Tells whether these are still the same bytes under a name: the first sound record and the last one before the watermark. */
export interface Guard {
  readonly first: RecordMark | undefined;
  readonly last: RecordMark | undefined;
}

/** The facts of a file as of a position: stored with it, in one transaction where the backend owns its positions. */
export interface FileState {
  readonly name: string;
  /** Counts from 0; other bytes under the same name begin the next one. */
  readonly generation: number;
  readonly position: Position;
  readonly guard: Guard;
  /** What can't be read, the pending end included, in the order of the file. */
  readonly damage: readonly Damage[];
  /** Bytes the file had when it was last read to its end. */
  readonly size: number;
  /** Of the file system, nanoseconds as text and inode: spare a look into files that did not change. Information only. */
  readonly stamp: string;
  /** Sound records before the watermark. */
  readonly records: number;
  /** From the file's head: `brain.Event:2`, and the writer's name where it says one. */
  readonly fileVersion?: string;
  readonly writer?: string;
}

/** Whether a file has a torn end that was found while somebody may still have been writing: a settled pass looks into it. */
export function needsSearch(state: FileState): boolean {
  return state.damage.some(({ reason, detail }) => reason === 'torn' && detail === undefined);
}

/** Bytes of a file that were not mirrored: behind the watermark, torn and damaged ends included, and gaps. `unread`: those beyond what was looked at. */
export function unmirroredBytes(state: FileState | undefined, unread: number | undefined): number {
  const watermark = state?.position.watermark ?? 0;
  const end = state?.damage.reduce((last, damage) => Math.max(last, damage.end), watermark) ?? 0;
  const owed = state?.position.gaps.reduce((sum, gap) => sum + gap.end - gap.start, 0) ?? 0;
  return end - watermark + owed + (unread ?? Math.max(0, (state?.size ?? 0) - end));
}
