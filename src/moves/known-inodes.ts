/** Keeps the inodes of known files as numbers, so that a check of every new file is cheap. */
import { inodeOf } from '../model/index.ts';

/** The inodes of known files, in little memory. */
export class KnownInodes {
  /** Inodes of files that were known at the start, sorted on first use. */
  #seeds = new Float64Array(1024);
  #count = 0;
  #isSorted = true;
  readonly #later = new Set<number>();

  /** Adds a file that was known before. */
  seed(stamp: string): void {
    if (stamp === '') return;
    if (this.#count === this.#seeds.length) {
      const larger = new Float64Array(this.#count * 2);
      larger.set(this.#seeds);
      this.#seeds = larger;
    }
    this.#seeds[this.#count++] = numberOf(stamp);
    this.#isSorted = false;
  }

  add(stamp: string): void {
    if (stamp !== '' && !this.has(stamp)) this.#later.add(numberOf(stamp));
  }

  /** True if a file with this inode may be known. An inode beyond 2^53 may match another one. */
  has(stamp: string): boolean {
    if (stamp === '') return false;
    const inode = numberOf(stamp);
    if (this.#later.has(inode)) return true;
    if (!this.#isSorted) this.#seeds.subarray(0, this.#count).sort();
    this.#isSorted = true;
    let [low, high] = [0, this.#count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#seeds[middle] as number) < inode) low = middle + 1;
      else high = middle;
    }
    return low < this.#count && this.#seeds[low] === inode;
  }
}

function numberOf(stamp: string): number {
  return Number(inodeOf(stamp));
}
