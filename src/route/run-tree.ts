/** The runs that are known, by the run above them: folding asks who else is there. */
import type { RunRef } from '../model/index.ts';

export class RunTree {
  readonly #children = new Map<string, Set<string>>();

  add({ root, path }: RunRef): void {
    if (path === '.') return;
    const at = path.lastIndexOf('/');
    const key = keyOf(root, at < 0 ? '.' : path.slice(0, at));
    const known = this.#children.get(key);
    if (known === undefined) this.#children.set(key, new Set([path.slice(at + 1)]));
    else known.add(path.slice(at + 1));
  }

  has({ root, path }: RunRef): boolean {
    const at = path.lastIndexOf('/');
    return this.#children.get(keyOf(root, at < 0 ? '.' : path.slice(0, at)))?.has(path.slice(at + 1)) === true;
  }

  /** Names of the directories right below a run that are runs. */
  childrenOf({ root, path }: RunRef): Iterable<string> {
    return this.#children.get(keyOf(root, path)) ?? [];
  }
}

function keyOf(root: string, path: string): string {
  return JSON.stringify([root, path]);
}
