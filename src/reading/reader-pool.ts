import { PatientReader } from './patient-reader.ts';

/**
 * Readers for many roots, of which a few are read at a time: who is done with one gives it back, and the next root
 * gets it.
 */
export class ReaderPool {
  readonly #all = new Set<PatientReader>();
  readonly #free: PatientReader[] = [];

  take(): PatientReader {
    const reader = this.#free.pop() ?? new PatientReader();
    this.#all.add(reader);
    return reader;
  }

  /** One that waits for something that hangs is kept for that: the next root gets another. */
  giveBack(reader: PatientReader): void {
    if (reader.silent.size === 0) this.#free.push(reader);
  }

  /** Ends one that is at work still, and no longer needed. */
  async drop(reader: PatientReader): Promise<void> {
    this.#all.delete(reader);
    await reader.close();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#all].map((reader) => reader.close()));
  }
}
