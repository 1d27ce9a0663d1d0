import { describe, expect, it } from '@jest/globals';

/**
 * Starts a real tracker before the cases are named; undefined where it can't be had, and its tests are skipped for
 * that reason. With MIRRORBOARD_REQUIRE_TOOLS=1 the reason is a failed test.
 */
export async function realTracker<T>(what: string, start: () => Promise<T>): Promise<T | undefined> {
  try {
    return await start();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const isRequired = process.env['MIRRORBOARD_REQUIRE_TOOLS'] === '1';
    if (!isRequired) process.stderr.write(`… skipped, no ${what}: ${reason}\n`);
    describe(`a real ${what}`, () => {
      (isRequired ? it : it.skip)('is there', () => expect(reason).toBe(''));
    });
    return undefined;
  }
}
