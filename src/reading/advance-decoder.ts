/** Connects `tail` and `decode`: feeds a decoder the bytes of a file. */
import type { FileDecoder } from '../decode/index.ts';
import type { FileWindow } from '../tail/index.ts';

/** Bytes after which a search is reported: a hole of a gigabyte takes a second. */
const SEARCHED_BYTES = 64 * 1024 * 1024;

/**
 * Feeds the decoder until it has a batch, or has seen everything before `end`. Returns `searching` after each long
 * stretch without either.
 */
export function advanceToNext(decoder: FileDecoder, window: FileWindow, end: number): 'batch' | 'end' | 'searching' {
  const from = decoder.wants;
  let seenTo = end;
  let needed = Math.min(1, seenTo - decoder.wants);
  for (;;) {
    if (!window.provide(decoder.wants, needed, seenTo)) seenTo = window.offset + window.end; // shortened meanwhile
    const step = decoder.advance(window, seenTo);
    if (step.kind !== 'more') return step.kind;
    needed = step.needed;
    if (decoder.wants - from > SEARCHED_BYTES) return 'searching';
  }
}

/** Does the same, but does not return during a search. */
export function advanceDecoder(decoder: FileDecoder, window: FileWindow, end: number): 'batch' | 'end' {
  for (;;) {
    const step = advanceToNext(decoder, window, end);
    if (step !== 'searching') return step;
  }
}
