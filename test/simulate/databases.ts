// SQLite as it is, with what may happen around it: a process that is killed, a disk that is full, a power failure.
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { DatabaseSync as Real } from 'node:sqlite';
import type { Life } from './life.ts';
import { surroundings } from './platform.ts';

/** The disk that holds the databases of one history. */
export interface Disk {
  /** True if nothing can be written to the database at this path now. */
  isFull(path: string): boolean;
  /** Called after each commit. */
  committed(path: string): void;
}

let disk: Disk | undefined;

/** Uses the disk of a history. */
export function useDisk(next: Disk | undefined): void {
  disk = next;
}

const COMMITS = /\bCOMMIT\b/;
const FULL = { code: 'ERR_SQLITE_ERROR', errcode: 13, errstr: 'database or disk is full' };

/** Takes the place of `DatabaseSync` of `node:sqlite`. */
export class DatabaseSync extends Real {
  readonly #path: string;
  readonly #life: Life | undefined;

  constructor(path: string, options?: ConstructorParameters<typeof Real>[1]) {
    const { life } = surroundings().world;
    life?.step('a database is opened');
    super(path, options ?? {});
    this.#path = path;
    this.#life = life?.root;
    this.#life?.hold(this);
  }

  cut(): void {
    if (this.isOpen) super.close();
  }

  override close(): void {
    this.#life?.release(this);
    if (this.isOpen) super.close();
  }

  override exec(sql: string): void {
    this.#life?.check();
    if (!COMMITS.test(sql)) {
      super.exec(sql);
      return;
    }
    if (disk?.isFull(this.#path) === true) {
      if (this.isTransaction && surroundings().world.random.chance(0.5)) super.exec('ROLLBACK');
      throw Object.assign(new Error('database or disk is full'), FULL);
    }
    this.#life?.step('before a commit');
    super.exec(sql);
    disk?.committed(this.#path);
    this.#life?.step('after a commit');
  }
}

/** Copies of a database, to bring it back to an earlier commit: power failures lose the last ones. */
export class Commits {
  readonly #path: string;
  readonly #most: number;
  #next = 0;
  #held = 0;

  constructor(path: string, most: number) {
    this.#path = path;
    this.#most = most;
  }

  keep(): void {
    const name = `${this.#path}.kept-${this.#next++ % this.#most}`;
    this.#held = Math.min(this.#most, this.#held + 1);
    for (const end of ['', '-wal']) {
      if (existsSync(this.#path + end)) copyFileSync(this.#path + end, name + end);
      else rmSync(name + end, { force: true });
    }
  }

  /** Goes back by some commits. Returns how many there were. */
  goBack(commits: number): number {
    const back = Math.min(commits, this.#held - 1);
    if (back <= 0) return 0;
    const name = `${this.#path}.kept-${(this.#next - 1 - back) % this.#most}`;
    rmSync(`${this.#path}-shm`, { force: true });
    for (const end of ['', '-wal']) {
      if (existsSync(name + end)) copyFileSync(name + end, this.#path + end);
      else rmSync(this.#path + end, { force: true });
    }
    this.#held = 0;
    return back;
  }
}
