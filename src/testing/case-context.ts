import type { Harness } from './harness.ts';

/** What a case is registered with. */
export interface CaseContext {
  readonly harness: Harness;
  readonly it: Runner['it'];
}

/** What the suite may have besides the backend. */
export interface SuiteOptions {
  /** A folder of folders with event files: one more case for each of them. Default: none. */
  readonly logs?: string;
}

/**
 * What registers cases: the module `node:test` as it is, or the same functions of another runner. Jest and Vitest
 * call the last two `beforeAll` and `afterAll`. Cases fail by throwing an `AssertionError` of `node:assert`.
 */
export interface Runner {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: (name: string, work: () => Promise<void>) => unknown;
  readonly before: (work: () => Promise<void>) => unknown;
  readonly after: (work: () => Promise<void>) => unknown;
}
