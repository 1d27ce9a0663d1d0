import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { memoryShares } from './in-use.ts';

/** Bytes released since memory was last given back. */
let bytes = 0;
let collect: (() => void) | undefined;

/**
 * Reports that this many bytes outside V8's heap are, or will soon be, unused. V8 frees them late. This function has
 * them freed before several large unused records accumulate.
 */
export function noteGarbage(more: number): void {
  bytes += more;
  if (bytes < memoryShares().limit / 8) return;
  bytes = 0;
  collectGarbage();
}

/**
 * Frees what this thread no longer uses. For the moment when much work is over and little follows: V8 would collect
 * only when as much again has been allocated.
 */
export function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}
