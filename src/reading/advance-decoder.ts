/** Joins `tail` and `decode`: feeds a decoder the bytes of a file. */
import type { FileDecoder } from '../decode/index.ts';
import type { FileWindow } from '../tail/index.ts';

/** Feeds the decoder until it has a batch, or has seen everything before `end`. */
export function advanceDecoder(decoder: FileDecoder, window: FileWindow, end: number): 'batch' | 'end' {
  let seenTo = end;
  let needed = Math.min(1, seenTo - decoder.wants);
  for (;;) {
    if (!window.provide(decoder.wants, needed, seenTo)) seenTo = window.offset + window.end; // shortened meanwhile
    const step = decoder.advance(window, seenTo);
    if (step.kind !== 'more') return step.kind;
    needed = step.needed;
  }
}
