import { test } from '@jest/globals';
import { runEveryCommand } from './every-command.ts';

/** `npm run soak` does the same with five times as many, and as many runs as files: those cost most. */
const MANY = 20_000;

test(
  'every command goes through many runs, many files and tags in one run, and many links',
  () => runEveryCommand({ runs: MANY / 4, files: MANY, tags: MANY, links: MANY, isTrackingRuns: false, timeoutMs: 300_000 }),
  600_000,
);
