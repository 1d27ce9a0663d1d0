import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { gather, type Setting } from '../../bench/bench.ts';
import { CHECKOUT_BENCHES, type Checkout, checkoutAt, compareCheckouts } from '../../bench/checkouts.ts';
import { REPOSITORY } from '../../support/python-tools.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const MAIN = fileURLToPath(new URL('../../bench/main.js', import.meta.url));
const setting = { pairs: 2, scale: 1 } as unknown as Setting;
const checkout = (benches: string): Checkout => ({ product: undefined as unknown as Checkout['product'], benches });

describe('two checkouts', () => {
  it('take turns, and the cost of the new one is a multiple of the cost of the old one', async () => {
    const order: string[] = [];
    const prepare =
      async (_: unknown, { benches }: Checkout) =>
      async () => {
        order.push(benches);
        return benches === 'new' ? { seconds: 3, cpuSeconds: 1, peakBytes: 100e6 } : { seconds: 2, cpuSeconds: 2, peakBytes: 100e6 };
      };
    const run = compareCheckouts({ name: 'x', what: 'a thing', prepare }, checkout('new'), checkout('old'));
    const { rows, failure } = await gather(run, setting);
    expect(failure).toBeUndefined();
    expect(order).toEqual(['new', 'old', 'new', 'old', 'new', 'old']);
    expect(rows.map(({ what, ours, reference, figure }) => [what, ours, reference, figure?.median])).toEqual([
      ['a thing', '3.00 s', '2.00 s', 1.5],
      ['  processor', '1.00 s', '2.00 s', 0.5],
      ['  peak memory', '100 MB', '100 MB', 1],
    ]);
  });

  it('are compared in measurements that a change may slow down', () => {
    expect(CHECKOUT_BENCHES.map(({ name }) => name)).toEqual([
      'decode',
      'backfill',
      'many-runs',
      'many-tags',
      'many-tags-lane',
      'verify',
      'start',
      'lanes',
    ]);
  });
});

/** Less than the time of a test. */
const TIMEOUT_MS = 280_000;
// A process is measured through Python.
const hasPython = spawnSync('python3', ['--version']).status === 0;

describe('npm run bench -- --against', () => {
  const against = (folder: string, ...names: string[]) => {
    const scratch = temporaryFolder();
    const env = { PATH: process.env['PATH'], LANG: 'C.UTF-8', TMPDIR: scratch, MIRRORBOARD_BENCH_CACHE: join(scratch, 'cache') };
    const args = ['--disable-warning=ExperimentalWarning', MAIN, '--against', folder, '--quick', ...names];
    return spawnSync(process.execPath, args, { env, encoding: 'utf8', timeout: TIMEOUT_MS });
  };

  (hasPython ? it : it.skip)('compares this checkout with itself', () => {
    const { status, stdout, stderr } = against(REPOSITORY, 'decode', 'lanes');
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(stdout).toMatch(/^ {2}decode, a warm pass over one file .+ [\d.]+×$/m);
    expect(stdout).toMatch(/^ {2}two trackers in memory .+ [\d.]+×$/m);
  });

  it('refuses a folder that is not a built checkout', () => {
    const folder = temporaryFolder();
    expect(() => checkoutAt(folder, setting)).toThrow('a checkout that is built');
    const { status, stderr } = against(folder);
    expect([status, stderr]).toEqual([2, `${folder}: expected a checkout that is built\n`]);
  });
});
