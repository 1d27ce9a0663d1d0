import { test } from '@jest/globals';
import { runEveryCommand } from './every-command.ts';

/** `npm run soak` does the same with five times as many. */
const MANY = 20_000;

test(
  'every command handles many runs, many files and tags in one run, and many links',
  () => runEveryCommand({ runs: MANY, files: MANY, tags: MANY, links: MANY, isTrackingRuns: false, timeoutMs: 600_000 }),
  1_500_000,
);
