// Histories that failed, made small: each found a fault of the service, which is mended.
import type { Plan } from './plan.ts';

const PLAIN: Omit<Plan, 'seed' | 'writers' | 'lanes' | 'faults' | 'healMs'> = {
  hasStore: false,
  scanIntervalMs: 10_000,
  runEndedAfterMs: 1_800_000,
  slackMs: 1000,
  shortReads: 0,
  besieged: undefined,
};

/** What was wrong, the known fault that brings it back, and the history that showed it. */
export const FOUND: readonly { readonly words: string; readonly fault: string; readonly plan: Plan }[] = [
  {
    words: 'a run that was moved while a lane was behind is behind for good under its former path',
    fault: 'gone-round-forgets-moved-runs',
    plan: {
      ...PLAIN,
      seed: 'moved while behind',
      lanes: [{ name: 'merging', kind: 'merging', mostLatencyMs: 20 }],
      writers: [{ name: 'writer 1', run: 'a', beginsMs: 1000, flushesMs: [2000, 16_000, 18_000] }],
      faults: [
        { atMs: 15_000, kind: 'mood', lane: 'merging', mood: 'down', forMs: 40_000 },
        { atMs: 25_000, kind: 'renameRun' },
      ],
      healMs: 60_000,
    },
  },
  {
    words: 'a file that is read while its root is not mounted is not read again',
    fault: 'vanished-file-not-retried',
    plan: {
      ...PLAIN,
      seed: 'read while unmounted',
      lanes: [{ name: 'merging', kind: 'merging', mostLatencyMs: 800 }],
      writers: ['a', 'a/train', 'b', 'group/c', 'ü d'].map((run, i) => ({
        name: `writer ${i + 1}`,
        run,
        beginsMs: 1000,
        flushesMs: [2000 + i],
      })),
      faults: [{ atMs: 12_500, kind: 'unmount', how: 'gone', forMs: 8000 }],
      healMs: 30_000,
    },
  },
  {
    words: 'a lane never gets what is written to a file that was emptied while another lane was ahead',
    fault: 'cut-file-taken-from-the-cache',
    plan: {
      ...PLAIN,
      seed: '20768',
      runEndedAfterMs: 20_000,
      slackMs: 500,
      lanes: [
        { name: 'replacing', kind: 'replacing', mostLatencyMs: 50 },
        { name: 'journalled', kind: 'journalled', mostLatencyMs: 800 },
      ],
      writers: [
        { name: 'writer 1', run: 'a/val', beginsMs: 13_059, flushesMs: [16_640, 22_247, 23_689, 24_917, 29_396, 29_598, 38_000] },
        { name: 'writer 2', run: 'b', beginsMs: 3691, flushesMs: [8506, 16_313, 18_238, 19_409, 29_156, 38_324] },
      ],
      faults: [{ atMs: 26_248, kind: 'empty' }],
      healMs: 40_000,
    },
  },
  {
    words: 'after a full disk, the store waits without end for a file that was removed meanwhile',
    fault: 'waits-for-what-is-gone',
    plan: {
      ...PLAIN,
      seed: '30229',
      hasStore: true,
      lanes: [],
      writers: [{ name: 'writer 1', run: 'b', beginsMs: 15_406, flushesMs: [17_482] }],
      faults: [
        { atMs: 17_908, kind: 'fullDisk', what: 'both', forMs: 20_000 },
        { atMs: 31_146, kind: 'remove' },
      ],
      healMs: 58_000,
    },
  },
];
