import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { memoryShares } from './in-use.ts';

/** Let go of since memory was last given back. */
let bytes = 0;
let collect: (() => void) | undefined;

/**
 * Says that so many bytes outside of V8's heap are, or are about to be, let go of. V8 is in no hurry with those:
 * before several large records lie about that nobody needs any more, they are given back.
 */
export function noteGarbage(more: number): void {
  bytes += more;
  if (bytes < memoryShares().limit / 8) return;
  bytes = 0;
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}
