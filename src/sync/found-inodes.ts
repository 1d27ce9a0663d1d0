import { inodeOf } from '../model/index.ts';

/**
 * The inodes of files that were found and are to be read. A file that is moved after it was found has another one's
 * place for a moment: the lane must not take it for new content of that one.
 */
export class FoundInodes {
  readonly #inodes = new Map<string, string>();
  /** Files that were not read because another one had their name. */
  readonly #passedOver = new Set<string>();

  /** Notes a file that was found. */
  found(name: string, stamp: string): void {
    const inode = inodeOf(stamp);
    // A file is passed over once: some file systems give a file another inode each time.
    if (this.#passedOver.delete(name) || inode === '') this.#inodes.delete(name);
    else this.#inodes.set(name, inode);
  }

  /** Returns a file to read, for a job. */
  file<File extends { readonly name: string }>(file: File): File | (File & { readonly inode: string }) {
    const inode = this.#inodes.get(file.name);
    return inode === undefined ? file : { ...file, inode };
  }

  /** Notes that a file was not read because another one had its name. */
  passedOver(name: string): void {
    this.#inodes.delete(name);
    this.#passedOver.add(name);
  }

  /** Notes that a file was read to its end. */
  read(name: string): void {
    this.#inodes.delete(name);
  }
}
