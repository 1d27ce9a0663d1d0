import type { FoundRun } from '../discover/index.ts';

/** Runs of one root, taken while a walk still finds others. */
export class FoundRuns {
  /** Undefined in the places of runs that were taken: of a hundred thousand, few are held at a time. */
  #runs: (FoundRun | undefined)[] = [];
  #next = 0;
  #isEnded = false;
  #wake: (() => void) | undefined;

  /** Returns runs that consist of a single run. */
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

  /** Notes that no more runs will be found. */
  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }

  /** Takes the next run; undefined if there is none now. */
  take(): FoundRun | undefined {
    const run = this.#runs[this.#next];
    if (run === undefined) {
      this.#runs = [];
      this.#next = 0;
      return undefined;
    }
    this.#runs[this.#next++] = undefined;
    return run;
  }

  /** Waits for another run to take. Returns false once no more will come. */
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
