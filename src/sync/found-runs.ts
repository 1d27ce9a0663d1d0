import type { FoundRun } from '../discover/index.ts';

/** Runs of one root, taken while others are still being found. */
export class FoundRuns {
  #runs: FoundRun[] = [];
  #next = 0;
  #isEnded = false;
  #wake: (() => void) | undefined;

  /** One that exists, and no others. */
  static of(run: FoundRun): FoundRuns {
    const runs = new FoundRuns();
    runs.add([run]);
    runs.end();
    return runs;
  }

  add(runs: readonly FoundRun[]): void {
    for (const run of runs) this.#runs.push(run);
    this.#wake?.();
  }

  /** No more will be found. */
  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }

  /** The next one that exists; undefined if there is none now. */
  take(): FoundRun | undefined {
    const run = this.#runs[this.#next];
    if (run === undefined) {
      this.#runs = [];
      this.#next = 0;
      return undefined;
    }
    this.#next++;
    return run;
  }

  /** Waits until there is another one to take, or it is known that there will be none: then false. */
  async wait(): Promise<boolean> {
    while (this.#next >= this.#runs.length) {
      if (this.#isEnded) return false;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    return true;
  }
}
