/** Number of answers of 500 in a row after which mirrorboard suspects the request. */
const PATIENCE = 4;

/** The count of answers of 500 in a row: a server may fail over our request, or by itself. */
export class Stumbles {
  #count = 0;

  /** Counts one. True if it is time to suspect the request. */
  isTooMany(): boolean {
    return ++this.#count >= PATIENCE;
  }

  reset(): void {
    this.#count = 0;
  }
}
