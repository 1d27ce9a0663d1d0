/** The calls that a backend adds if it addresses points by line, so that a lost answer cannot simply be repeated. */
import type { Backend } from './backend.ts';
import type { Outcome } from './outcome.ts';
import type { Handle, TrackerParcel } from './parcel.ts';

/** The data that is enough to send exactly the same lines again. The state commits it before they are sent. */
export type Intent = string & { readonly brand: 'Intent' };

/** One range of lines of a tracker run, and their origin. */
export interface JournalEntry {
  readonly firstLine: number;
  readonly count: number;
  /** `TrackerParcel.file`. */
  readonly file: string;
  readonly generation: number;
  readonly start: number;
  readonly end: number;
  /** A hash over the records' offsets and checksums: the same bytes in a later generation need no new send. */
  readonly hash: string;
  readonly mapping: string;
}

/** The tracker's part of an intent whose end is unknown. */
export type Resolution =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'resend' }
  /** Lines before this one are stored. */
  | { readonly kind: 'from'; readonly line: number }
  | { readonly kind: 'unknown' };

/**
 * A backend that addresses points by line, so that a lost answer cannot simply be repeated. It prepares a send, the
 * state commits the intent, it sends, and the tracker accepts. After a crash, `resolve` returns how far the send
 * came.
 */
export interface JournalledBackend extends Backend {
  /**
   * Returns the lines that parcels become, as entries of the journal, and the data that can send exactly the same
   * again. Sends nothing. Leaves out lines that the journal already has: after a crash, it may be ahead of the
   * position.
   */
  prepare(
    parcels: readonly TrackerParcel[],
    journal: readonly JournalEntry[],
  ): Promise<{ readonly intent: Intent; readonly entries: readonly JournalEntry[] }>;
  /**
   * Sends prepared lines. Lines before `fromLine` are stored already. After a crash, `parcels` is empty: if sending
   * fails then, the failure is the one outcome; if there is no outcome, the lines count as stored.
   */
  sendPrepared(intent: Intent, parcels: readonly TrackerParcel[], signal: AbortSignal, fromLine?: number): Promise<readonly Outcome[]>;
  /** Returns what happened to an intent that was committed before a crash. */
  resolve(handle: Handle, intent: Intent, signal: AbortSignal): Promise<Resolution>;
}
