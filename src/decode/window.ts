/** Bytes of a file: `buffer` from `start` to `end` holds what is in the file from `offset` on. */
export interface Window {
  readonly buffer: Uint8Array;
  readonly view: DataView;
  readonly start: number;
  readonly end: number;
  readonly offset: number;
  /** The buffer is never written again, so the decoder may keep views on it. */
  readonly isKept?: boolean;
}
