// What the tests ask of many histories: that nothing is wrong in any of them.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';

const main = fileURLToPath(new URL('./main.js', import.meta.url));

/** Runs `npm run simulate` with arguments. */
export function simulate(...args: readonly string[]): Promise<{ readonly code: number; readonly text: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), text: `${stdout}${stderr}` });
    });
  });
}

const EACH = 500;
const MINUTES_MS = 10 * 60_000;

/** Tests 2,500 histories, from a seed on. */
export function testHistories(first: number): void {
  const parts = [0, 1, 2, 3, 4].map((i) => first + i * EACH);
  it.each(parts)(
    `the simulator finds nothing wrong in ${EACH} histories from seed %i on`,
    async (from) => {
      const { code, text } = await simulate('--from', String(from), '--seeds', String(EACH), '--json');
      const { histories, failed, lives } = JSON.parse(text) as { histories: number; failed: unknown[]; lives: number };
      expect({ code, failed, histories }).toEqual({ code: 0, failed: [], histories: EACH });
      expect(lives).toBeGreaterThan(histories);
    },
    MINUTES_MS,
  );
}
