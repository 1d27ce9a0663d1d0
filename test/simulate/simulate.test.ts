import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { KNOWN_FAULTS, withFault } from './faults/index.ts';
import { FOUND } from './found.ts';

const MINUTE_MS = 60_000;
const main = fileURLToPath(new URL('./main.js', import.meta.url));

/** Runs `npm run simulate` with arguments. */
function simulate(...args: readonly string[]): Promise<{ readonly code: number; readonly text: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), text: `${stdout}${stderr}` });
    });
  });
}

describe('the simulator', () => {
  it(
    'finds nothing wrong in what it lives through in 40 seconds, and lives through a hundred histories at least',
    async () => {
      const { code, text } = await simulate('--seeds', '800', '--minutes', '0.67', '--json');
      const { histories, failed, lives } = JSON.parse(text) as { histories: number; failed: unknown[]; lives: number };
      expect({ code, failed }).toEqual({ code: 0, failed: [] });
      expect(histories).toBeGreaterThan(100);
      expect(lives).toBeGreaterThan(histories);
    },
    3 * MINUTE_MS,
  );

  it(
    'tells the same history for the same seed, to the byte, and another one for another seed',
    async () => {
      const [first, again, other] = [await simulate('--seed', '11'), await simulate('--seed', '11'), await simulate('--seed', '12')];
      expect(again.text).toBe(first.text);
      expect(other.text).not.toBe(first.text);
    },
    MINUTE_MS,
  );

  it(
    'passes every history that once failed',
    async () => {
      expect(await simulate('--found')).toMatchObject({ code: 0 });
    },
    MINUTE_MS,
  );

  it.each(FOUND.map(({ fault }) => fault))(
    'fails in the history that once showed it if a fault is put back (%s)',
    async (fault) => {
      expect(await simulate('--found', '--fault', fault)).toMatchObject({ code: 1 });
    },
    MINUTE_MS,
  );

  it.each(['retry-counts-as-stored', 'position-before-send', 'journal-forgotten'])(
    'finds a fault that is put back (%s)',
    async (name) => {
      const { code, text } = await simulate('--fault', name, '--seeds', '150', '--json');
      expect({ code, text }).toEqual({ code: 1, text: expect.stringContaining('"bug":') });
    },
    MINUTE_MS,
  );

  it.each(KNOWN_FAULTS.map((fault) => [fault.name, fault] as const))('can put %s back into the code as it is built', (_, fault) => {
    const source = readFileSync(new URL(`../../src/${fault.module}.js`, import.meta.url), 'utf8');
    expect(withFault(source, fault)).not.toBe(source);
  });
});
