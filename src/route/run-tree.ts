/** The known runs, by the directory above them: folding asks for their siblings. */
import type { RunRef } from '../model/index.ts';

/** The directories of all roots that hold runs. */
export class RunTree {
  /** The names of the directories right below a path that are runs, or contain some: true for those that are. */
  readonly #below = new Map<string, Map<string, boolean>>();

  add({ root, path }: RunRef): void {
    let isRun = true;
    for (let at = path; at !== '.'; isRun = false) {
      const slash = at.lastIndexOf('/');
      const [above, name] = slash < 0 ? ['.', at] : [at.slice(0, slash), at.slice(slash + 1)];
      const key = keyOf(root, above);
      const known = this.#below.get(key) ?? new Map<string, boolean>();
      this.#below.set(key, known);
      const before = known.get(name);
      known.set(name, isRun || before === true);
      // The directories above it were noted with it.
      if (before !== undefined) return;
      at = above;
    }
  }

  has({ root, path }: RunRef): boolean {
    const at = path.lastIndexOf('/');
    return this.#below.get(keyOf(root, at < 0 ? '.' : path.slice(0, at)))?.get(path.slice(at + 1)) === true;
  }

  /** Returns the names of the directories right below a path that are runs, or contain some. */
  directoriesBelow({ root, path }: RunRef): Iterable<string> {
    return this.#below.get(keyOf(root, path))?.keys() ?? [];
  }
}

function keyOf(root: string, path: string): string {
  return JSON.stringify([root, path]);
}
