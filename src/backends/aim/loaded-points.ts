/** The bound on the server's data that may be in memory, over all sequences of a connection. */

/** An object that holds points which it can read again. */
export interface Loads {
  /** The number of points that it holds. */
  readonly loaded: number;
  /** Forgets all but the last few. */
  trim(most: number): void;
}

/** Bounds what sequences hold between two sends. It forgets the least recently used first. */
export class LoadedPoints {
  readonly #most: number;
  /** The points that each sequence keeps. */
  readonly #each: number;
  /** The sequences in use, with their numbers of points: these forget nothing. */
  readonly #busy = new Map<Loads, number>();
  /** The other sequences; the one used last comes last. */
  readonly #idle = new Map<Loads, number>();
  #busyPoints = 0;
  #idlePoints = 0;

  constructor(most: number, each: number) {
    this.#most = most;
    this.#each = each;
  }

  /** The number of points held, in use or not. */
  get points(): number {
    return this.#busyPoints + this.#idlePoints;
  }

  /** The number of points that may still be loaded: sequences that are not in use make room. */
  get room(): number {
    return Math.max(0, this.#most - this.#busyPoints);
  }

  /** Marks a sequence as in use until `free`. The caller calls this again when the sequence holds more. */
  use(sequence: Loads): void {
    this.#idlePoints -= this.#idle.get(sequence) ?? 0;
    this.#idle.delete(sequence);
    this.#busyPoints += sequence.loaded - (this.#busy.get(sequence) ?? 0);
    this.#busy.set(sequence, sequence.loaded);
  }

  /** Marks a sequence as no longer in use. */
  free(sequence: Loads): void {
    this.#busyPoints -= this.#busy.get(sequence) ?? 0;
    this.#busy.delete(sequence);
    this.#rest(sequence);
    for (const oldest of this.#idle.keys()) {
      if (this.#idlePoints <= this.#most) return;
      const keeps = oldest.loaded > this.#each ? this.#each : 0;
      oldest.trim(keeps);
      // It moves to the end, and then it keeps nothing.
      this.#rest(oldest);
    }
  }

  #rest(sequence: Loads): void {
    this.#idlePoints -= this.#idle.get(sequence) ?? 0;
    this.#idle.delete(sequence);
    const { loaded } = sequence;
    if (loaded === 0) return;
    this.#idle.set(sequence, loaded);
    this.#idlePoints += loaded;
  }
}
