import { availableParallelism } from 'node:os';
import { MirrorError } from '../errors.ts';

/** More at the same time only take memory: the store is one file. */
const MOST_BY_DEFAULT = 8;
const MOST = 256;

/** Parses `--jobs`; by default as many as there are processors, up to eight. Throws MB1001. */
export function jobsOf(text: string | undefined): number {
  if (text === undefined) return Math.min(availableParallelism(), MOST_BY_DEFAULT);
  const jobs = Number(text);
  if (/^\d{1,3}$/.test(text) && jobs >= 1 && jobs <= MOST) return jobs;
  throw new MirrorError('MB1001', `--jobs: found ${JSON.stringify(text)}, expected a number from 1 to ${MOST}`);
}
