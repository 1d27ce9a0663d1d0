import { inodeOf, isAsRecent } from '../model/index.ts';
import type { FileToRead } from '../reading/index.ts';

/**
 * The stamps of files that were found and are to be read. Before a lane reads a file, it may be moved, and another one
 * may have its place: the lane must not take that one for new content. A file may also be replaced after another lane
 * read it: then the cache has former content.
 */
export class FoundFiles {
  // There is one of these for each run, and most have nothing to keep.
  #stamps: Map<string, string> | undefined;
  /** Files that were not read because another one had their name. */
  #passedOver: Set<string> | undefined;

  /** Notes a file that was found. */
  found(name: string, stamp: string): void {
    // A file is passed over once: some file systems give a file another inode each time.
    if (this.#passedOver?.delete(name) === true || inodeOf(stamp) === '') {
      this.forget(name);
      return;
    }
    this.#stamps ??= new Map();
    this.#stamps.set(name, stamp);
  }

  /** Returns a file to read. */
  file(name: string): FileToRead {
    const stamp = this.#stamps?.get(name);
    return stamp === undefined ? { name } : { name, inode: inodeOf(stamp), stamp };
  }

  /** Notes that a file was not read because another one had its name. */
  passedOver(name: string): void {
    this.forget(name);
    this.#passedOver ??= new Set();
    this.#passedOver.add(name);
  }

  /** Notes that the lane has a file up to its end, and the stamp that the file had then. */
  taken(name: string, stamp: string): void {
    const found = this.#stamps?.get(name);
    if (found !== undefined && isAsRecent(stamp, found)) this.forget(name);
  }

  /** Forgets a file. */
  forget(name: string): void {
    this.#stamps?.delete(name);
    if (this.#stamps?.size === 0) this.#stamps = undefined;
  }
}
