/** Bytes of a file: `buffer` from `start` to `end` holds what is in the file from `offset` on. */
export interface Window {
  readonly buffer: Uint8Array;
  readonly view: DataView;
  readonly start: number;
  readonly end: number;
  readonly offset: number;
  /** Nobody writes into the buffer again: views on it may be kept. */
  readonly isKept?: boolean;
}
