/** What a backend adds whose lines have places, so that a send whose answer was lost cannot simply be repeated. */
import type { Backend } from './backend.ts';
import type { Outcome } from './outcome.ts';
import type { Handle, TrackerParcel } from './parcel.ts';

/** Enough to send the very same lines again: committed to the state before they are sent. */
export type Intent = string & { readonly brand: 'Intent' };

/** One range of lines of a tracker run, and where they came from. */
export interface JournalEntry {
  readonly firstLine: number;
  readonly count: number;
  /** `TrackerParcel.file`. */
  readonly file: string;
  readonly generation: number;
  readonly start: number;
  readonly end: number;
  /** A hash over the records' offsets and checksums: the same bytes in a later generation need not be sent again. */
  readonly hash: string;
  readonly mapping: string;
}

/** What a tracker says of an intent that was committed, and of which the end is not known. */
export type Resolution =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'resend' }
  /** Lines before this one are stored. */
  | { readonly kind: 'from'; readonly line: number }
  | { readonly kind: 'unknown' };

/**
 * A backend that addresses by line or place, so that a send whose answer was lost cannot simply be repeated: what is
 * about to be sent is prepared, the intent committed, then sent, then accepted; after a crash `resolve` says how far
 * it came.
 */
export interface JournalledBackend extends Backend {
  /**
   * The lines parcels will be, as entries of the journal, and what is needed to send the very same again. Sends
   * nothing. What the journal has already is left out: after a crash the position can be after it.
   */
  prepare(
    parcels: readonly TrackerParcel[],
    journal: readonly JournalEntry[],
  ): Promise<{ readonly intent: Intent; readonly entries: readonly JournalEntry[] }>;
  /**
   * Sends what was prepared; after a crash `parcels` is empty. `fromLine`: lines before it are stored already. One
   * outcome.
   */
  sendPrepared(intent: Intent, parcels: readonly TrackerParcel[], signal: AbortSignal, fromLine?: number): Promise<readonly Outcome[]>;
  /** What happened to an intent that was committed before a crash. */
  resolve(handle: Handle, intent: Intent, signal: AbortSignal): Promise<Resolution>;
}
