import { PatientReader } from './patient-reader.ts';

/**
 * Readers for many roots, of which a few are read at the same time: a caller that is done with a reader gives it
 * back, and the next root gets it.
 */
export class ReaderPool {
  readonly #all = new Set<PatientReader>();
  readonly #free: PatientReader[] = [];

  take(): PatientReader {
    const reader = this.#free.pop() ?? new PatientReader();
    this.#all.add(reader);
    return reader;
  }

  /**
   * Returns a reader to the pool. A reader that waits for a hanging path stays with it: the next root gets another
   * one.
   */
  giveBack(reader: PatientReader): void {
    if (reader.silent.size === 0) this.#free.push(reader);
  }

  /** Ends a reader that is still at work, and no longer needed. */
  async drop(reader: PatientReader): Promise<void> {
    this.#all.delete(reader);
    await reader.close();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#all].map((reader) => reader.close()));
  }
}
