/** So many times in a row may a server stumble over requests before these are suspected. */
const PATIENCE = 4;

/** Counts answers of 500 in a row: a server may stumble over our request, or by itself. */
export class Stumbles {
  #count = 0;

  /** Counts one. Whether it is time to suspect the request. */
  isTooMany(): boolean {
    return ++this.#count >= PATIENCE;
  }

  reset(): void {
    this.#count = 0;
  }
}
