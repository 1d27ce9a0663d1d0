// A disk that can be filled and freed while a program writes to it.
import { cpSync, mkdirSync, statfsSync } from 'node:fs';
import { mountMemory, remount, unmount, whyNoMounts } from '../e2e/mounts.ts';

const SIZE = 'size=1g';
/** What is left of a full one: enough for a few small writes, and not for the next. */
const LEFT_BYTES = 32 * 1024;
/** The writer may need more between the look and the mount, which is refused then. */
const TRIES = 20;

export class SmallDisk {
  readonly directory: string;
  /** Why it can't be filled: nothing can be mounted here, and it is a plain folder. */
  readonly reason: string | undefined;

  constructor(directory: string) {
    this.directory = directory;
    this.reason = whyNoMounts();
    if (this.reason === undefined) mountMemory(directory, SIZE);
    else mkdirSync(directory);
  }

  /** Takes no room in memory, as a large file would. */
  fill(): void {
    for (let i = 1; ; i++) {
      const { blocks, bfree, bsize } = statfsSync(this.directory);
      try {
        remount(this.directory, `size=${(blocks - bfree) * bsize + LEFT_BYTES}`);
        return;
      } catch (error) {
        if (i === TRIES) throw error;
      }
    }
  }

  free(): void {
    if (this.reason === undefined) remount(this.directory, SIZE);
  }

  /** Ends it. What it has is copied to a folder first, if one is given. */
  end(copy?: string): void {
    if (this.reason !== undefined) return;
    if (copy !== undefined) cpSync(this.directory, copy, { recursive: true });
    unmount(this.directory);
  }
}
