// The limit: one pass over a file in C with hardware CRC-32C. A program outside the repository, compiled for this
// machine.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Scratch } from '../scratch.ts';
import { type Reference, tryReference } from './reference.ts';
import { runOrThrow } from './venv.ts';

/** Reads one file; the time is the program's own and begins after its start. */
export type Limit = (file: string) => Promise<{ readonly records: number; readonly seconds: number }>;

/** Compiles `bench/limit.c` below `shared`. */
export async function prepareLimit(shared: string, scratch: Scratch): Promise<Reference<Limit>> {
  const source = join(shared, 'bench', 'limit.c');
  return tryReference('the limit', async () => {
    if (!existsSync(source)) throw new Error('bench/limit.c is not below the folder that MIRRORBOARD_SHARED names');
    const binary = join(scratch.folder('limit'), 'limit');
    await runOrThrow('cc', ['-O3', '-march=native', '-o', binary, source]);
    const [compiler = 'cc'] = (await runOrThrow('cc', ['--version'])).split('\n', 1);
    return { use: async (file) => parseLimit(await runOrThrow(binary, [file])), version: compiler };
  });
}

/** Reads `2000001 records, 14.93 M records/s, …`. */
export function parseLimit(output: string): { readonly records: number; readonly seconds: number } {
  const [, records, millions] = /^(\d+) records, ([\d.]+) M records\/s/.exec(output) ?? [];
  if (records === undefined || millions === undefined) throw new Error(`unexpected output of the limit: ${output.trim()}`);
  return { records: Number(records), seconds: Number(records) / (Number(millions) * 1e6) };
}
