import type { Harness } from './harness.ts';

/** The inputs for registering a case. */
export interface CaseContext {
  readonly harness: Harness;
  readonly it: Runner['it'];
}

/** The options of the suite besides the backend. */
export interface SuiteOptions {
  /** A folder of folders with event files: one more case for each of them. Default: none. */
  readonly logs?: string;
}

/**
 * The functions that register cases: the module `node:test` itself, or the same functions of another runner. Jest and
 * Vitest call the last two `beforeAll` and `afterAll`. Cases fail by throwing an `AssertionError` of `node:assert`.
 */
export interface Runner {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: (name: string, work: () => Promise<void>) => unknown;
  readonly before: (work: () => Promise<void>) => unknown;
  readonly after: (work: () => Promise<void>) => unknown;
}
