import { compareNames } from '../model/index.ts';

/** A link to a directory, and its target. */
interface FoundLink {
  readonly path: string;
  readonly real: string;
}

/** Links that must still be walked, ordered by path. It is a heap, because there can be a hundred thousand. */
export class LinkQueue {
  readonly #links: FoundLink[] = [];

  add(link: FoundLink): void {
    const links = this.#links;
    let at = links.push(link) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!this.#isBefore(at, above)) return;
      this.#swap(at, above);
      at = above;
    }
  }

  take(): FoundLink | undefined {
    const links = this.#links;
    const first = links[0];
    const last = links.pop();
    if (first === undefined || last === undefined || links.length === 0) return first;
    links[0] = last;
    for (let at = 0; ; ) {
      let least = at;
      for (const below of [2 * at + 1, 2 * at + 2]) if (below < links.length && this.#isBefore(below, least)) least = below;
      if (least === at) return first;
      this.#swap(at, least);
      at = least;
    }
  }

  #isBefore(a: number, b: number): boolean {
    return compareNames(this.#links[a]?.path ?? '', this.#links[b]?.path ?? '') < 0;
  }

  #swap(a: number, b: number): void {
    const [x, y] = [this.#links[a], this.#links[b]];
    if (x === undefined || y === undefined) return;
    this.#links[a] = y;
    this.#links[b] = x;
  }
}
