/** How much may be held in memory of what the server has, over all sequences of a connection. */

/** Something that holds points which it can read again. */
export interface Loads {
  /** Points that it holds. */
  readonly loaded: number;
  /** Forgets all but the last few. */
  trim(most: number): void;
}

/** Bounds what sequences hold between two sends. It forgets the least recently used first. */
export class LoadedPoints {
  readonly #most: number;
  /** What each of them keeps. */
  readonly #each: number;
  /** Those in use, with what they hold: nothing of them is forgotten. */
  readonly #busy = new Map<Loads, number>();
  /** The others; the one used last is at the end. */
  readonly #idle = new Map<Loads, number>();
  #busyPoints = 0;
  #idlePoints = 0;

  constructor(most: number, each: number) {
    this.#most = most;
    this.#each = each;
  }

  /** Points that are held, in use or not. */
  get points(): number {
    return this.#busyPoints + this.#idlePoints;
  }

  /** How many more may be loaded: those not in use make room. */
  get room(): number {
    return Math.max(0, this.#most - this.#busyPoints);
  }

  /** A sequence is in use, until `free`. To be told again when it holds more. */
  use(sequence: Loads): void {
    this.#idlePoints -= this.#idle.get(sequence) ?? 0;
    this.#idle.delete(sequence);
    this.#busyPoints += sequence.loaded - (this.#busy.get(sequence) ?? 0);
    this.#busy.set(sequence, sequence.loaded);
  }

  /** A sequence is no longer in use. */
  free(sequence: Loads): void {
    this.#busyPoints -= this.#busy.get(sequence) ?? 0;
    this.#busy.delete(sequence);
    this.#rest(sequence);
    for (const oldest of this.#idle.keys()) {
      if (this.#idlePoints <= this.#most) return;
      const keeps = oldest.loaded > this.#each ? this.#each : 0;
      oldest.trim(keeps);
      // It comes again at the end, and then it keeps nothing.
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
