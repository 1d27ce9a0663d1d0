// tbparse: the Python package people use to get scalars out of event files.

import { lastLine, type Measured, measure } from '../measure.ts';
import type { Scratch } from '../scratch.ts';
import { type Reference, tryReference } from './reference.ts';
import { pythonWith, runOrThrow, versionIn } from './venv.ts';

/**
 * Reads a log directory; `tensors` for the form of TensorBoard 2, `scalars` for simple values: tbparse keeps them
 * apart.
 */
export type Tbparse = (
  logdir: string,
  table: 'scalars' | 'tensors',
) => Promise<{ readonly points: number; readonly readSeconds: number; readonly process: Measured }>;

// Rows are counted, so that nothing lazy stays undone; the imports are outside the inner time.
const SCRIPT = `
import sys, time
from tbparse import SummaryReader
began = time.perf_counter()
points = len(getattr(SummaryReader(sys.argv[1]), sys.argv[2]))
print(points, time.perf_counter() - began)
`;

/** Installs tbparse with the TensorBoard that the targets were set against. */
export async function prepareTbparse(scratch: Scratch): Promise<Reference<Tbparse>> {
  return tryReference('tbparse', async () => {
    const python = await pythonWith(scratch, 'tbparse-0.0.9', ['tbparse==0.0.9', 'tensorboard==2.21.0']);
    await runOrThrow(python, ['-c', 'import tbparse']);
    const use: Tbparse = async (logdir, table) => {
      const process = await measure(python, ['-c', SCRIPT, logdir, table]);
      const [points, readSeconds] = lastLine(process.stdout).split(' ').map(Number);
      if (process.exitCode !== 0 || points === undefined || readSeconds === undefined)
        throw new Error(`tbparse: ${lastLine(process.stderr)}`);
      return { points, readSeconds, process };
    };
    return { use, version: await versionIn(python, 'tbparse') };
  });
}
