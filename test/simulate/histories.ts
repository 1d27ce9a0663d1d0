// What the tests ask of many histories: that nothing is wrong in any of them.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from '@jest/globals';

const main = fileURLToPath(new URL('./main.js', import.meta.url));

/** Runs `npm run simulate` with arguments. */
export function simulate(...args: readonly string[]): Promise<{ readonly code: number; readonly text: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), text: `${stdout}${stderr}` });
    });
  });
}

/** Lives through so many histories, from a seed on. */
export async function expectNothingWrong(from: number, count: number): Promise<void> {
  const { code, text } = await simulate('--from', String(from), '--seeds', String(count), '--json');
  const { histories, failed, lives } = JSON.parse(text) as { histories: number; failed: unknown[]; lives: number };
  expect({ code, failed, histories }).toEqual({ code: 0, failed: [], histories: count });
  expect(lives).toBeGreaterThan(histories);
}
