/** Bytes of a file: `buffer` from `start` to `end` holds the bytes of the file from `offset`. */
export interface Window {
  readonly buffer: Uint8Array;
  readonly view: DataView;
  readonly start: number;
  readonly end: number;
  readonly offset: number;
  /** The buffer is never written again, so the decoder may keep views on it. */
  readonly isKept?: boolean;
}
